-- Not nil: it may be the only field, and Argo CD takes a table that has become empty for one that has not changed.
obj.spec = obj.spec or {}
obj.spec.paused = false
return obj
