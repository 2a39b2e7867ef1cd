{{ broken_grains([
    'consent_event_types',
    'consent_statuses',
    'event_types',
    'feature_causes',
    'frozen_thresholds',
    'jurisdictions',
    'platform_definitions',
    'platform_differences',
    'purposes',
    'rfm_grid',
    'seasons',
    'segment_locks',
    'sensitive_categories'
]) }}
