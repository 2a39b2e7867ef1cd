{#
    The general description of the technical and organisational measures (GDPR 30(1)(g), 32(1)), as every record of
    processing shows it: what this project does, nothing that depends on where it runs.
#}
{% macro security_measures() -%}
    {{ return(
        'Pseudonyms by keyed hash (HMAC-SHA256), keys in a vault apart from the data; person data in a restricted area of its '
        ~ 'own, outside the reach of analysts; permission checked in one place before anybody is listed; receivers get keys '
        ~ 'of their own; every evaluation recorded in a chain of hashes; changes of rules, vendors and lists reviewed and locked.'
    ) }}
{%- endmacro %}
