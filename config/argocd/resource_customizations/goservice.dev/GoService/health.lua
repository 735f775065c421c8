-- The health of a GoService is what kstatus, and so helm --wait and Flux, make of it. Only a paused one is Suspended, as a paused Deployment is.
local status = obj.status
if status == nil or status.conditions == nil or status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "waiting for the operator to process the latest spec"}
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end

-- The first that is True decides.
local healths = {
  {"Stalled", "Degraded"},
  {"Paused", "Suspended"},
  {"Reconciling", "Progressing"},
  {"Ready", "Healthy"},
}
for _, health in ipairs(healths) do
  local condition = conditions[health[1]]
  if condition ~= nil and condition.status == "True" then
    return {status = health[2], message = condition.message}
  end
end

local ready = conditions["Ready"]
if ready == nil then
  return {status = "Progressing", message = "waiting for the operator"}
end
return {status = "Progressing", message = ready.message}
