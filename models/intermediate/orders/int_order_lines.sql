{{ versioned_rows(ref('int_order_lines_checked'), ref('int_order_lines_repeated'), **fact_columns('order_lines')) }}
