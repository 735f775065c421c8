{{- define "type_members" -}}
{{- if eq .Name "metadata" -}}
Standard object metadata: name, labels, annotations.
{{- else -}}
{{ template "cell" .Doc }}
{{- end -}}
{{- end -}}
