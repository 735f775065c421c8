-- The operator then writes nothing but the status.
obj.spec = obj.spec or {}
obj.spec.paused = true
return obj
