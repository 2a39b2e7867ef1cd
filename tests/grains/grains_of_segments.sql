{{ broken_grains([
    'segment_candidates',
    'segment_inputs',
    'segment_members',
    'segment_purposes',
    'segment_registry'
]) }}
