{{- /* rules renders the validation markers of one field for a table cell. */ -}}
{{- define "rules" -}}
{{- $markers := . -}}
{{- $rules := list -}}
{{- range index $markers "kubebuilder:validation:Minimum" -}}
{{- $rules = append $rules (printf "≥ %d" (int64 .)) -}}
{{- end -}}
{{- range index $markers "kubebuilder:validation:Maximum" -}}
{{- $rules = append $rules (printf "≤ %d" (int64 .)) -}}
{{- end -}}
{{- range $marker, $label := dict "MaxLength" "at most %v characters" "MaxItems" "at most %v items" "MaxProperties" "at most %v entries" -}}
{{- range index $markers (print "kubebuilder:validation:" $marker) -}}
{{- $rules = append $rules (printf $label .) -}}
{{- end -}}
{{- end -}}
{{- range index $markers "kubebuilder:validation:Enum" -}}
{{- $rules = append $rules (printf "one of `%s`" (join "`, `" .)) -}}
{{- end -}}
{{- range index $markers "kubebuilder:validation:Pattern" -}}
{{- $rules = append $rules (printf "matches `%s`" .) -}}
{{- end -}}
{{- range index $markers "kubebuilder:validation:XValidation" -}}
{{- $rules = append $rules (.Message | default .Rule) -}}
{{- end -}}
{{- $rules | join "<br />" | replace "|" "\\|" -}}
{{- end -}}

{{- /* cell renders a comment for a table cell: one line, with the default on a line of its own. */ -}}
{{- define "cell" -}}
{{- regexReplaceAll "\\n+Default:" (trim .) "<br />Default:" | replace "\n" " " | replace "|" "\\|" -}}
{{- end -}}
