{{ broken_grains([
    'leaf_nonces',
    'notices_as_held',
    'products_as_held',
    'segment_membership',
    'segment_partitions',
    'segment_specs'
]) }}
