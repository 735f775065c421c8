-- What kubectl rollout restart does to a Deployment: a rolling update with the same settings.
local os = require("os")
obj.spec = obj.spec or {}
obj.spec.pod = obj.spec.pod or {}
obj.spec.pod.annotations = obj.spec.pod.annotations or {}
obj.spec.pod.annotations["kubectl.kubernetes.io/restartedAt"] = os.date("!%Y-%m-%dT%XZ")
return obj
