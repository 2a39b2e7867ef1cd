{{ broken_grains([
    'int_changed_features',
    'int_evaluated_customers',
    'int_evaluated_matches',
    'int_evaluated_permissions',
    'int_evaluated_persons',
    'int_evaluated_segments',
    'int_identity_changes',
    'int_membership_changes',
    'int_permission_changes',
    'int_recent_facts',
    'int_recent_order_facts',
    'int_recent_order_revisions',
    'int_rule_outcomes',
    'run_started',
    'segment_change_reasons',
    'segment_changes'
]) }}
