{{- define "gvDetails" -}}
{{- $group := . -}}
## {{ $group.GroupVersionString }}

{{ $group.Doc | trim }}
{{ range $group.SortedKinds }}
{{- template "type" ($group.TypeForKind .) }}
{{- end }}
{{- range $group.SortedTypes }}
{{- if not .GVK }}
{{- template "type" . }}
{{- end }}
{{- end }}
{{- end -}}
