{{ versioned_rows(ref('int_notices_checked'), ref('int_notices_repeated'), **fact_columns('notices')) }}
