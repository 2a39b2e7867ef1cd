{{ versioned_rows(ref('int_products_checked'), ref('int_products_repeated'), **fact_columns('products')) }}
