{{ versioned_rows(ref('int_scheduled_sends_checked'), ref('int_scheduled_sends_repeated'), **fact_columns('scheduled_sends')) }}
