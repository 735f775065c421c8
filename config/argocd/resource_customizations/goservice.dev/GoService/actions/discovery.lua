-- A paused GoService can be resumed. While it is paused, a restart would have no effect.
local paused = obj.spec ~= nil and obj.spec.paused == true
return {
  ["pause"] = {["disabled"] = paused, ["iconClass"] = "fa fa-fw fa-pause"},
  ["resume"] = {["disabled"] = not paused, ["iconClass"] = "fa fa-fw fa-play"},
  ["restart"] = {["disabled"] = paused, ["iconClass"] = "fa fa-fw fa-sync"},
}
