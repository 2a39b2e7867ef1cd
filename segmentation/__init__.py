"""The command around the dbt project: what SQL cannot do (files, keys, locks, the published copy)."""
