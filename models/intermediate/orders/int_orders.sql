{{ versioned_rows(ref('int_orders_checked'), ref('int_orders_repeated'), **fact_columns('orders')) }}
