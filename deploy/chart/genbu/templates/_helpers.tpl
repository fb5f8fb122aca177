{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{- define "genbu.name" -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- define "genbu.selector" -}}
app.kubernetes.io/name: genbu
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "genbu.labels" -}}
{{ include "genbu.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "genbu.account" -}}
{{- .Values.serviceAccount.name | default (include "genbu.name" .) -}}
{{- end }}

{{/* genbu.yaml: the same for all nodes; {hostname} becomes each pod's own name. */}}
{{- define "genbu.config" -}}
{{- $domain := printf "%s-nodes.%s.svc" (include "genbu.name" .) .Release.Namespace -}}
{{- $config := dict
  "socket" "/run/genbu/genbu.sock"
  "listen" "0.0.0.0:8443"
  "mode" .Values.mode
  "fips" .Values.fips
  "accept_missing" .Values.acceptMissing
  "log_level" .Values.logLevel
  "log_format" .Values.logFormat
  "traces" .Values.traces
  "cluster" (dict
    "first" (printf "%s-0" (include "genbu.name" .))
    "listen" ":7710"
    "advertise" (printf "{hostname}.%s:7710" $domain)
    "peer_listen" ":7711"
    "peer_advertise" (printf "{hostname}.%s:7711" $domain)
    "heartbeat" .Values.heartbeat
    "election" .Values.election) -}}
{{- toYaml (mergeOverwrite $config .Values.config) -}}
{{- end }}
