"""The hand-written first rows of the demo seeds: CSV without a header, in the column order of the input contract.

README says who is who. Ids rise with the alphabet (Ada is C-0001), so that a reader finds a person in every file; the
first twenty rows of orders, events and consents hold every case the story needs.
"""

PROFILING = "personalize.content.profiling"
EMAIL = "marketing.communications.email"
OBJECTABLE = "marketing.advertising.profiling"

COLUMNS = {name: columns.split() for name, columns in {
    "orders": "order_id ordered_at gross_amount customer_id email phone currency discount_amount status coupon_code"
              " channel device_type country region recorded_at",
    "order_lines": "order_id line_number product_id quantity unit_price discount_amount recorded_at",
    "refunds": "refund_id order_id refunded_at amount recorded_at",
    "products": "product_id product_category product_name",
    "customers": "customer_id email phone created_at country region birth_date gender recorded_at",
    "events": "event_id occurred_at event_type customer_id anonymous_id session_id product_id product_category"
              " device_type channel campaign_id amount segment_id experiment_id variant consent_version recorded_at",
    "consents": "consent_event_id purpose status effective_at customer_id anonymous_id email phone consent_version"
                " jurisdiction event_type source request_id recorded_at",
    "notices": "consent_version text_sha256 published_at language purposes material_change invalidated_at",
    "identity_links": "link_id left_type left_id right_type right_id match_class effective_at match_rule score"
                      " consent_event_id valid_to recorded_at",
    "exchange_rates": "currency rate_date rate recorded_at",
    "scheduled_sends": "send_id channel scheduled_at customer_id email campaign_id segment_id recorded_at",
}.items()}

STORY = {
    "orders": """
O-0001,2025-04-12 09:30:00,640.00,C-0003,,,EUR,,fulfilled,,web,desktop,DE,,2025-04-12 09:30:06
O-0002,2025-07-19 17:02:00,590.00,C-0003,,,EUR,40.00,fulfilled,SUMMER,web,desktop,DE,,2025-07-19 17:02:04
O-0003,2025-11-28 20:15:00,720.00,C-0003,,,EUR,,fulfilled,,app,mobile,DE,,2025-11-28 20:15:03
O-0004,2026-01-16 12:40:00,550.00,C-0003,,,EUR,,paid,,app,mobile,DE,,2026-01-16 12:40:05
O-0005,2025-10-04 18:10:00,48.50,C-0001,,,EUR,,fulfilled,,web,mobile,DE,,2025-10-04 18:10:04
O-0006,2025-09-20 11:00:00,110.00,C-0007,,,EUR,,fulfilled,,web,desktop,NL,,2025-09-20 11:00:09
O-0007,2025-12-05 16:45:00,120.00,C-0007,,,EUR,,fulfilled,,web,desktop,NL,,2025-12-05 16:45:02
O-0008,2026-01-20 08:55:00,260.00,C-0008,,,EUR,,paid,,web,tablet,FR,,2026-01-20 08:55:07
O-0008,2026-01-20 08:55:00,160.00,C-0008,,,EUR,,fulfilled,,web,tablet,FR,,2026-02-03 10:00:00
O-0009,2026-01-10 13:20:00,59.90,C-0009,,,EUR,,paid,,web,mobile,AT,,2026-01-10 13:20:05
O-0009,2026-01-10 13:20:00,59.90,C-0009,,,EUR,,paid,,web,mobile,AT,,2026-01-10 13:20:05
O-0010,2025-12-19 21:05:00,84.00,,Jo.Guest@example.com,,EUR,,fulfilled,,web,mobile,DE,,2025-12-19 21:05:03
O-0011,2026-01-08 10:30:00,39.90,,,+493023125011,EUR,,fulfilled,,store,,DE,,2026-01-09 02:30:00
O-0012,2026-02-07 15:10:00,22.50,,,,,,paid,,store,,DE,,2026-02-08 02:30:00
O-0013,2026-02-11 14:00:00,-35.00,C-0010,,,EUR,,paid,,web,desktop,DE,,2026-02-11 14:00:04
O-0014,2027-02-12 14:00:00,35.00,C-0010,,,EUR,,paid,,web,desktop,DE,,2026-02-12 14:00:04
O-0015,2026-02-13 14:00:00,35.00,C-0010,,,XXX,,paid,,web,desktop,DE,,2026-02-13 14:00:04
O-0016,2026-02-30 14:00:00,35.00,C-0010,,,EUR,,paid,,web,desktop,DE,,2026-03-01 14:00:04
O-0017,2026-02-19 19:45:00,32.00,C-0014,,,EUR,,paid,HELLO5,app,mobile,FR,,2026-02-19 19:45:06
O-0018,2025-11-02 09:15:00,95.00,C-0015,,,EUR,,fulfilled,,web,desktop,AT,,2025-11-02 09:15:08
""",
    "refunds": """
R-0001,O-0007,2026-02-05 09:00:00,45.00,2026-02-05 09:00:05
R-0002,O-0005,2025-10-20 09:00:00,480.50,2025-10-20 09:00:05
R-0003,O-9999,2026-01-13 09:00:00,12.00,2026-01-13 09:00:05
""",
    "customers": """
C-0001,ada@example.com,,2025-10-04 18:04:00,DE,,1988-05-02,f,2025-10-04 18:04:01
C-0002,bruno@example.com,,2026-02-10 11:00:00,DE,DE-BY,1979-11-23,m,2026-02-10 11:00:01
C-0003,carla@example.org,+493023125003,2025-04-12 09:21:00,DE,DE-BE,1971-01-30,f,2025-04-12 09:21:01
C-0004,david@example.com,,2025-11-05 20:00:00,NL,,,m,2025-11-05 20:00:02
C-0005,elif@example.org,,2025-12-01 08:00:00,DE,,1995-07-14,f,2025-12-01 08:00:01
C-0006,farid@example.com,,2025-12-03 08:00:00,FR,,,m,2025-12-03 08:00:01
C-0007,greta@example.com,,2025-09-20 10:48:00,NL,,1966-03-09,f,2025-09-20 10:48:01
C-0008,hugo@example.org,+33639980008,2026-01-20 08:41:00,FR,,,m,2026-01-20 08:41:01
C-0009,isa@example.com,,2026-01-10 13:11:00,AT,,1990-10-10,f,2026-01-10 13:11:01
C-0010,kim@example.com,,2026-02-11 13:50:00,DE,,,,2026-02-11 13:50:01
C-0011,the.larsens@example.org,,2026-03-01 10:00:00,DE,,1985-02-11,f,2026-03-01 10:00:01
C-0012,the.larsens@example.org,,2026-03-01 10:20:00,DE,,1984-08-19,m,2026-03-01 10:20:01
C-0013,max@example.com,,2025-10-02 12:00:00,AT,,1993-12-24,m,2025-10-02 12:00:01
C-0014,nora@example.org,,2026-01-28 07:30:00,FR,,2001-04-04,f,2026-01-28 07:30:01
C-0015,omar@example.com,,2025-11-02 09:01:00,AT,,,m,2025-11-02 09:01:01
C-0016,pia@example.com,,2025-12-20 16:00:00,DE,,2012-05-01,f,2025-12-20 16:00:01
C-0017,ruth@example.org,,2026-03-10 16:00:00,US,US-CA,1982-06-21,f,2026-03-10 16:00:01
C-0018,susan@example.org,,2026-03-24 17:00:00,US,US-CA,1990-02-11,f,2026-03-24 17:00:01
""",
    "events": """
E-0001,2026-02-27 18:20:00,product_view,C-0001,,S-0001,P-008,kitchen,mobile,web,,,,,,,2026-02-27 18:20:02
E-0002,2026-02-27 18:24:00,add_to_cart,C-0001,,S-0001,P-008,kitchen,mobile,web,,89.00,,,,,2026-02-27 18:24:03
E-0003,2026-03-06 19:02:00,add_to_cart,C-0001,,S-0002,P-005,kitchen,mobile,web,,49.00,,,,,2026-03-06 19:02:02
E-0004,2026-02-13 12:00:00,add_to_cart,C-0002,,S-0003,P-015,garden,desktop,web,,64.00,,,,,2026-02-13 12:00:05
E-0005,2026-02-18 12:30:00,add_to_cart,C-0002,,S-0004,P-012,garden,desktop,web,,31.00,,,,,2026-02-18 12:30:04
E-0006,2026-02-21 21:00:00,add_to_cart,C-0004,,S-0005,P-018,books,tablet,web,,15.00,,,,,2026-02-21 21:00:03
E-0007,2026-02-28 21:10:00,add_to_cart,C-0004,,S-0006,P-017,books,tablet,web,,10.00,,,,,2026-02-28 21:10:03
E-0008,2026-03-27 17:45:00,add_to_cart,C-0005,,S-0007,P-023,outdoor,mobile,app,,120.00,,,,,2026-03-27 17:45:02
E-0009,2026-03-28 09:05:00,add_to_cart,C-0006,,S-0008,P-029,toys,desktop,web,,75.00,,,,,2026-03-28 09:05:06
E-0010,2026-01-11 20:00:00,add_to_cart,C-0013,,S-0009,P-034,home,desktop,web,,55.00,,,,,2026-01-11 20:00:03
E-0011,2026-01-17 20:00:00,add_to_cart,C-0013,,S-0010,P-035,home,desktop,web,,60.00,,,,,2026-01-17 20:00:03
E-0012,2026-03-27 20:00:00,add_to_cart,C-0013,,S-0011,P-034,home,desktop,web,,70.00,,,,,2026-03-27 20:00:03
E-0013,2026-01-28 07:31:00,subscribed,C-0014,,S-0012,,,mobile,app,,,,,,v2,2026-01-28 07:31:02
E-0014,2026-03-01 10:02:00,subscribed,C-0011,,S-0013,,,desktop,web,,,,,,v2,2026-03-01 10:02:02
E-0015,2026-03-01 10:22:00,subscribed,C-0012,,S-0014,,,desktop,web,,,,,,v2,2026-03-01 10:22:02
E-0016,2026-03-02 08:00:00,page_view,C-0009,,S-0015,,,mobile,web,,,,,,,2026-03-02 08:00:01
E-0016,2026-03-02 08:00:00,page_view,C-0009,,S-0015,,,mobile,web,,,,,,,2026-03-02 08:00:01
E-0016,2026-03-02 08:00:00,page_view,C-0009,,S-0015,,,tablet,web,,,,,,,2026-03-02 09:30:00
E-0017,2026-02-10 20:00:00,product_view,C-0004,,S-0016,P-018,books,tablet,web,,,,,,,2026-02-24 04:00:00
E-0018,2026-05-01 12:00:00,page_view,C-0004,,S-0017,,,tablet,web,,,,,,,2026-03-05 12:00:00
E-0019,2026-03-29 20:00:00,checkout_started,C-0004,,S-0018,,,tablet,web,,,,,,,2026-03-29 20:00:02
E-0020,2026-03-30 18:00:00,checkout_started,C-0013,,S-0019,,,desktop,web,,,,,,,2026-03-30 18:00:04
E-0021,2026-03-28 17:30:00,add_to_cart,C-0018,,S-0020,P-023,outdoor,mobile,web,,95.00,,,,,2026-03-28 17:30:02
""",
    "consents": f"""
K-0001,{PROFILING},granted,2025-10-04 18:05:00,C-0001,,,,v2,DE,accept_selected,web_form,,2025-10-04 18:05:02
K-0002,{PROFILING},withdrawn,2026-03-03 10:15:00,C-0001,,,,v2,DE,withdraw,preference_centre,Q-0001,2026-03-03 10:15:01
K-0003,{PROFILING},granted,2026-02-10 11:00:00,C-0002,,,,v2,DE,accept_selected,paper_form,,2026-02-20 09:00:00
K-0004,marketing,objected,2026-02-18 14:30:00,C-0003,,,,,DE,,support,Q-0002,2026-02-18 14:41:00
K-0005,{PROFILING},granted,2025-11-05 20:01:00,C-0004,,,,v2,NL,accept_all,web_form,,2025-11-05 20:01:02
K-0006,{PROFILING},unknown,2025-12-01 08:01:00,C-0005,,,,v2,DE,dismiss,web_form,,2025-12-01 08:01:02
K-0007,{PROFILING},granted,2025-12-03 08:01:00,C-0006,,,,v2,FR,import,old_newsletter_tool,,
K-0008,{EMAIL},granted,2025-12-19 21:06:00,,,jo.guest@example.com,,v2,DE,accept_selected,checkout,,2025-12-19 21:06:02
K-0009,{EMAIL},granted,2026-03-01 10:01:00,C-0011,,,,v2,DE,accept_selected,web_form,,2026-03-01 10:01:02
K-0010,{EMAIL},granted,2026-03-01 10:21:00,C-0012,,,,v2,DE,accept_selected,web_form,,2026-03-01 10:21:02
K-0011,*,restricted,2026-03-11 09:00:00,,,The.Larsens@example.org,,,DE,,support,Q-0003,2026-03-11 09:20:00
K-0012,{PROFILING},granted,2025-10-02 12:01:00,C-0013,,,,v2,AT,accept_all,web_form,,2025-10-02 12:01:02
K-0013,{PROFILING},withdrawn,2026-01-15 18:00:00,C-0013,,,,v2,AT,withdraw,preference_centre,Q-0004,2026-01-15 18:00:01
K-0014,{PROFILING},granted,2026-03-20 18:00:00,C-0013,,,,v2,AT,accept_selected,preference_centre,,2026-03-20 18:00:01
K-0015,{EMAIL},granted,2026-01-28 07:30:30,C-0014,,,,v2,FR,accept_selected,app,,2026-01-28 07:30:31
K-0016,{OBJECTABLE},objected,2026-01-14 08:00:00,C-0015,,,,,AT,,support,Q-0005,2026-01-14 08:30:00
K-0017,{OBJECTABLE},objection_lifted,2026-03-05 08:00:00,C-0015,,,,,AT,,support,Q-0006,2026-03-05 08:30:00
K-0018,*,denied,2025-12-20 16:01:00,C-0016,,,,v2,DE,reject_all,web_form,,2025-12-20 16:01:02
K-0019,{PROFILING},grnated,2026-02-11 13:51:00,C-0010,,,,v2,DE,accept_all,web_form,,2026-02-11 13:51:02
K-0020,marketing.pigeon_post,granted,2026-02-11 13:51:00,C-0010,,,,v2,DE,accept_all,web_form,,2026-02-11 13:51:02
K-0021,{EMAIL},granted,2026-05-01 00:00:00,C-0017,,,,v2,US-CA,accept_selected,web_form,,2026-03-10 16:01:02
K-0022,{PROFILING},granted,2026-03-10 16:01:00,C-0017,,,,v2,US-CA,accept_all,web_form,,2026-03-10 16:01:02
K-0023,{PROFILING},denied,2026-03-10 16:01:00,C-0017,,,,v2,US-CA,reject_all,app,,2026-03-10 16:01:02
K-0024,{PROFILING},granted,2025-08-18 12:00:00,C-0003,,,,v2-draft,DE,accept_all,web_form,,2025-08-18 12:00:02
K-0025,{PROFILING},granted,2026-02-01 08:00:00,,A-0001,,,v2,DE,accept_all,cookie_banner,,2026-02-01 08:00:01
K-0026,sale_share,denied,2026-03-26 19:00:00,,A-0003,,,,US-CA,gpc_signal,web_form,,2026-03-26 19:00:01
""",
    "identity_links": """
I-0001,anonymous_id,A-0001,customer_id,C-0004,deterministic,2026-03-04 12:00:00,login,,,,2026-03-04 12:00:01
I-0002,anonymous_id,A-0002,customer_id,C-0009,probabilistic,2026-03-06 12:00:00,same_network,0.87,,,2026-03-06 12:00:01
I-0003,anonymous_id,A-0003,customer_id,C-0018,deterministic,2026-03-28 17:29:00,login,,,,2026-03-28 17:29:01
""",
    "scheduled_sends": f"""
D-0001,email,2026-03-10 09:00:00,C-0001,ada@example.com,mail-2026-03b,cart_abandoner,2026-03-02 06:00:00
D-0002,email,2026-03-17 09:00:00,C-0011,the.larsens@example.org,welcome,new_subscriber_no_purchase,2026-03-09 06:00:00
D-0003,email,2026-04-02 09:00:00,C-0013,max@example.com,mail-2026-04a,cart_abandoner,2026-03-30 06:00:00
D-0004,sms,2026-04-02 09:00:00,C-0003,,sms-2026-04,vip,2026-02-16 06:00:00
""",
}
