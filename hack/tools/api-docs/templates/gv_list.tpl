{{- define "gvList" -}}
<!-- Generated from the types in api/ by `make docs`; edit the comments there. -->

# API reference
{{ range . }}
{{ template "gvDetails" . }}
{{- end }}
{{- end -}}
