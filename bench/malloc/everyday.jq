# Records grouped by what their values add up to.
[.[] | {name, sum: (.values | add)}] | group_by(.sum % 97) | map({sum: .[0].sum, names: length}) | length
