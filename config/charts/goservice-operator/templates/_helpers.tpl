{{- /*
Labels of an object: (list . MORE), where MORE are those that only this object has. None may get into a selector: selectors cannot
change, and the version does.
*/}}
{{- define "goservice-operator.labels" -}}
{{- $root := index . 0 -}}
{{- $chart := printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" -}}
{{- $labels := dict
  "app.kubernetes.io/name" "goservice-operator"
  "app.kubernetes.io/instance" $root.Release.Name
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/managed-by" $root.Release.Service
  "helm.sh/chart" $chart -}}
{{- toYaml (merge $labels (index . 1) $root.Values.commonLabels) }}
{{- end }}

{{- define "goservice-operator.reference" -}}
{{- if .registry }}{{ .registry }}/{{ end }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}
{{- end }}

{{- define "goservice-operator.image" -}}
{{- $i := .Values.image }}
{{- include "goservice-operator.reference" (dict "registry" $i.registry "repository" $i.repository "digest" $i.digest "tag" ($i.tag | default .Chart.AppVersion)) }}
{{- end }}

{{- define "goservice-operator.workloadImage" -}}
{{- $i := .Values.workloadImage }}
{{- include "goservice-operator.reference" (dict "registry" ($i.registry | default .Values.image.registry) "repository" $i.repository "digest" $i.digest "tag" ($i.tag | default .Values.image.tag | default .Chart.AppVersion)) }}
{{- end }}
