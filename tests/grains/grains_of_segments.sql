{{ broken_grains([
    'int_effective_candidates',
    'int_stability',
    'int_stability_inputs',
    'segment_candidates',
    'segment_inputs',
    'segment_members',
    'segment_playbooks',
    'segment_purposes',
    'segment_registry'
]) }}
