{#
    seeds/reference/segment_locks.csv, copied here by `segmentation release` because the gate cannot read a file
    (assert_segment_locks.sql). Never edit it: the gate compares it with the checksum of the seed.
#}
{% macro segment_locks_csv() -%}
    {{ return('\n'.join([
        'segment_id,spec_version,rule_hash,released_at,released_by',
        'at_risk_loyal,1,fc1cd5c0b5daa1960f3460b35317d28cfb04f02fc935c799d43ec8f3aa3c2fc0,2026-11-22,privacy-office',
        'bargain_hunter,1,ba71c20e2bc211215724b74c65a9c0332f02dfa7a37a6b330fdec4710059ef6c,2026-11-25,privacy-office',
        'big_spenders,1,5e21e1d5c94e2b5954d169790ae69cd862181089130d0c255afa4cf0578a8b64,2026-11-25,root',
        'browse_heavy_low_purchase,1,05010447ce49a2293b6320733085dfafe0b61fa5f4660c42291848fa6b219dcf,2026-11-25,privacy-office',
        'cart_abandoner,1,2146608f711830767abe42f62fcf8213909e1c7c32a2a550522e89016f257363,2026-11-22,privacy-office',
        'cart_abandoner,2,c880343dcba0e242d90f12bfe708919ee1bb7ccd1da43e57d3acc60510c523b2,2026-11-22,privacy-office',
        'category_interest,1,aad2d431d1d8c4b1c7ef6cbc8e67a877d35c6487dbce40e414cb8b60b805a63e,2026-11-25,privacy-office',
        'champions,1,4eb3d329deeb2edd6767d507ee29ffc6cc22f4c2ce3bbd9133e3ad10d6db7a35,2026-11-25,root',
        'churn_risk,1,5147ba5337ca458b75c50ed24486d493a77cf7126ff915418954c71f2e2d979c,2026-11-25,root',
        'drifting,1,787b20d3fc68d13cd1e49beb7441b996c7bee8ef2ac61cf63da6c492751cb88e,2026-11-25,root',
        'email_engaged,1,54620d4fc2c9ab7bcdea3a068e529ebb440dd1b51c3ff653ee900ebaa289885e,2026-11-25,privacy-office',
        'existing_customer,1,a81446f04c786bf84a5cce8e06abedce7f57f3d1491e59edbd47b718df6a8f18,2026-11-22,privacy-office',
        'former_high_value_at_risk,1,d7ecb7d06e09ff158983977a66d7bb83a5686023391f26e12138a3872aba2b61,2026-11-22,privacy-office',
        'frequent_buyer,1,5b40e6f31e2a5ef2855abc4c428e42fc8d107ce058e99c3cc1c91ec443cdca72,2026-11-22,privacy-office',
        'high_aov_one_time_buyer,1,d149356efb258c158e66c57c9c8e6d8606a6e664df6e97875f7f542fa0c1541a,2026-11-22,privacy-office',
        'high_intent_visitor,1,5fb3f455e200866135b5e6f4355110496e74e749775530df7c0cff9b3a51b95b,2026-11-25,privacy-office',
        'high_lifetime_value,1,8f5ca1512e5d40603717f691725960e3453228743c175bd5d1e859c1c1b40f1f,2026-11-22,privacy-office',
        'high_value_repeat,1,ed04e882243fbaaf95e371d18011bc93d400ebf943d180699d082e971d46b947,2026-11-25,privacy-office',
        'lost_customers,1,8a1b472b1b01a43925d4ba88d7b9f18211d965596fb5cfe657b37786f9e13673,2026-11-25,root',
        'low_value,1,6bed98bd8e8d4e1b2f2e4331fa2f9e9d034710ea236d43f1e4911b5b00233ee7,2026-11-25,root',
        'loyalists,1,5a3ca3ddd6d351d0caf95b87fe1b091c47d72c1405944985536400fcacce264a,2026-11-25,root',
        'mobile_first,1,9e73ded26eec912bd2a5cdf145cd65e55c5165eac6cd5053485bed4a841c5e31,2026-11-25,privacy-office',
        'new_customers,1,21facd07d6e85993f2d4331511cc41e3da9672d58aac633b191f0a01b5fddf36,2026-11-25,root',
        'new_subscriber_no_purchase,1,e907a6a229b4411f2158e5cb09a615a86a4914e6a9963cd7cb7d2c14247b13ab,2026-11-22,privacy-office',
        'new_visitor,1,128d37dd9188fa3be14e37e453503988c8faaf3c98dc55166e3c5ed4348ffc51,2026-11-25,privacy-office',
        'one_time_buyer,1,3855a9884f904d82bb86ea2126141b68706037265853bb5083a07f93a6d07b8a,2026-11-22,privacy-office',
        'promising,1,a80b96c748246dc1733c357b1612d26982ef4f993c64c4b77dd65ca0ca2ed831,2026-11-25,root',
        'repeat_buyer,1,a030947eb252bec535ce329fe9397f489f5b12f4d205420b03fcce0644ab6c86,2026-11-22,privacy-office',
        'seasonal_gift_giver,1,d9e267485cbc6d6f9ad3f522db43b16d9b3223cbbb81c1bea5a96ac478019a67,2026-11-25,privacy-office',
        'seasonal_shopper,1,698e44df88cd61bfeb231bdc6e521b221d9c988f6049b9278c4793d4e2ad69ba,2026-11-25,privacy-office',
        'vip,1,812022cbd640dc9b8021655db800e76f48b92a8168b827e1c1e0b306bcb62d1b,2026-11-22,privacy-office',
        'vip_top_5_percent,1,328910a448852f54976f95d492501ef8b8ee7dc2474311b24c2d07dc3d3f8d2a,2026-11-22,privacy-office',
        'weekly_replenisher,1,ba92b502052958c4ce5e340e4f3beb5705daa79d57cc10e59ef2eda705dab8bb,2026-11-25,privacy-office',
    ])) }}
{%- endmacro %}
