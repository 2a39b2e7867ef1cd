{#
    For the `where` of a rule whose spec has `exclude: [segment, ...]`: whether the rule of each named segment says no. The
    other rule is applied, not its membership, so that losing consent there admits nobody here; where it says neither yes
    nor no (a null in it), the person is excluded (DESIGN 7). Without `exclude`, and while dbt parses, it is true.
#}
{% macro is_not_excluded() -%}
    {{- is_not_excluded_by(model) if execute else 'true' -}}
{%- endmacro %}

{#
    The same for any segment. Arguments: node, the segment model whose exclusions are meant; instant, SQL for the date whose
    version of the other rules applies. Their parameters stand in it as literals: no join, and `versions` stays the rule's own.
#}
{% macro is_not_excluded_by(node, instant='features.as_of') -%}
    {%- set conditions = ['true'] -%}
    {%- for other in excluded_nodes(node) -%}
        {%- set rule = render(with_exclusions(condition_of(other), other, instant)) -%}
        {%- set cases = [] -%}
        {%- set versions = segment_spec(other).versions | sort(attribute='effective_from') -%}
        {%- for version in versions -%}
            {%- set since = "cast('" ~ version.effective_from ~ "' as " ~ dbt.type_timestamp() ~ ')' -%}
            {%- set until = "cast('" ~ versions[loop.index].effective_from ~ "' as " ~ dbt.type_timestamp() ~ ')' if not loop.last else 'null' -%}
            {%- do cases.append(
                'when ' ~ is_in_interval(instant, since, until) ~ ' then not (' ~ with_parameters(rule, version.parameters) ~ '\n)'
            ) -%}
        {%- endfor -%}
        {%- do conditions.append('case ' ~ cases | join('\n') ~ ' end') -%}
    {%- endfor -%}
    {{ return('(' ~ conditions | join('\nand ') ~ ')') }}
{%- endmacro %}

{# A rule's SQL with its exclusions written out. Arguments: sql, the raw text; node, whose they are; instant, as above. #}
{% macro with_exclusions(sql, node, instant='features.as_of') -%}
    {%- set parts = modules.re.split('[{][{]\\s*is_not_excluded\\(\\s*\\)\\s*[}][}]', sql) -%}
    {{ return(parts | join(is_not_excluded_by(node, instant)) if parts | length > 1 else sql) }}
{%- endmacro %}

{# Rendered SQL with `versions.<parameter>` as literals. Arguments: sql; parameters, of one version. #}
{% macro with_parameters(sql, parameters) -%}
    {%- set found = namespace(sql=sql) -%}
    {%- for name, value in parameters.items() -%}
        {%- set found.sql = modules.re.split('\\bversions[.]' ~ name ~ '\\b', found.sql) | join(parameter_literal(value)) -%}
    {%- endfor -%}
    {{ return(found.sql) }}
{%- endmacro %}

{#
    The condition of a rule as other rules can apply it: what stands between its last `where` and the end of `members`. Empty
    where there is none, or where it speaks of more than `features` and `versions`. Argument: node.
#}
{% macro condition_of(node) -%}
    {%- set found = modules.re.findall('(?s)^.*\\n *where\\s(.*)\\n\\)\\s*select \\* from members\\s*$', node.raw_code) -%}
    {%- set text = modules.re.sub('--[^\\n]*', '', found[0] if found else '') -%}
    {%- set aliases = modules.re.findall('\\b([a-z_]\\w*)[.][a-z_]', text) | unique | list -%}
    {{ return('' if aliases | reject('in', ['features', 'versions']) | list else text) }}
{%- endmacro %}

{# The segments that a spec excludes, as nodes, in its order; names that are no segment are left out. Argument: node. #}
{% macro excluded_nodes(node) -%}
    {%- set found = [] -%}
    {%- set names = segment_spec(node).get('exclude') -%}
    {#- the gate asks before it has looked at the field -#}
    {%- for name in (names if names is sequence and names is not string else []) -%}
        {%- set id = 'model.' ~ project_name ~ '.seg_' ~ name -%}
        {%- do found.append(graph.nodes[id]) if id in graph.nodes -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# All segments whose rules a segment applies: what it excludes, what these exclude, and so on. Argument: node. #}
{% macro applied_nodes(node) -%}
    {%- set found = excluded_nodes(node) -%}
    {%- for other in found -%}
        {%- for further in excluded_nodes(other) if further.name not in found | map(attribute='name') -%}
            {%- do found.append(further) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# What is wrong with the exclusions of a spec. Arguments: node; spec, well-formed fields only. Returns [field, sentence]. #}
{% macro exclusion_problems(node, spec) -%}
    {%- set problems = [] -%}
    {%- set known = segment_nodes() | map(attribute='name') | list -%}
    {%- set is_called = 'is_not_excluded ( )' in rule_text(node) -%}
    {%- for name in spec.get('exclude', []) -%}
        {%- set field = 'exclude[' ~ loop.index ~ ']' -%}
        {%- if 'seg_' ~ name not in known -%}
            {%- do problems.append([field, 'is ' ~ shown(name) ~ ', which is no segment; it must be the segment_id of another']) -%}
        {%- else -%}
            {%- set other = segment_nodes() | selectattr('name', 'equalto', 'seg_' ~ name) | first -%}
            {%- if other.name == node.name or node.name in applied_nodes(other) | map(attribute='name') -%}
                {%- do problems.append([
                    field,
                    'is ' ~ name ~ ', which excludes ' ~ node.name[4:] ~ ' itself; one of the two must not name the other'
                ]) -%}
            {%- elif segment_spec(other).get('status') != 'active' -%}
                {%- do problems.append([field, 'is ' ~ name ~ ', which is not active; it must be an active segment']) -%}
            {%- elif not condition_of(other) -%}
                {%- do problems.append([
                    field,
                    'is ' ~ name ~ ', whose rule another cannot apply; it must be one `where` on features and versions alone'
                ]) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if spec.get('exclude') and not is_called -%}
        {%- do problems.append([
            'exclude',
            'is given, but the SQL does not ask for it; its `where` needs: and {' ~ '{ is_not_excluded() }' ~ '}'
        ]) -%}
    {%- elif is_called and not spec.get('exclude') -%}
        {%- do problems.append(['exclude', 'is missing; the SQL asks is_not_excluded(), so name the segments or take it out']) -%}
    {%- endif -%}
    {{ return(problems) }}
{%- endmacro %}

{# Whether any of these segments has more than one version. Argument: nodes. #}
{% macro has_several_versions(nodes) -%}
    {%- set found = [] -%}
    {%- for node in nodes if segment_spec(node).versions | length > 1 -%}
        {%- do found.append(node) -%}
    {%- endfor -%}
    {{ return(found | length > 0) }}
{%- endmacro %}

{# The text of a rule and of those that it applies, for what they read. Argument: node. #}
{% macro applied_rule_text(node) -%}
    {%- set texts = [rule_text(node)] -%}
    {%- for other in applied_nodes(node) -%}
        {%- do texts.append(condition_of(other)) -%}
    {%- endfor -%}
    {{ return(texts | join(' ')) }}
{%- endmacro %}
