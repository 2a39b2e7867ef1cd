{{ versioned_rows(ref('int_refunds_checked'), ref('int_refunds_repeated'), **fact_columns('refunds')) }}
