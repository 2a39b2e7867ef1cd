{{ broken_grains([
    'customer_keys',
    'int_consent_events',
    'int_consents',
    'int_consents_judged',
    'int_contact_addresses',
    'int_customer_identifiers',
    'int_customers',
    'int_events_received',
    'int_exchange_rates',
    'int_load_counts',
    'int_notices',
    'int_order_lines',
    'int_orders',
    'int_products',
    'int_refunds',
    'int_repeated_events'
]) }}
