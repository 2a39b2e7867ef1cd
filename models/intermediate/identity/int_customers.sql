{{ versioned_rows(ref('int_customers_checked'), ref('int_customers_repeated'), **fact_columns('customers')) }}
