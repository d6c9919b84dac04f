# Compute the next step of a Pod whose containers have been created: the name of the Stage, and the
# delay in seconds at pace 1. `simulated_kubelets.stages` puts this text before each expression that
# uses `step`.
#
# `podstatus.gotmpl` gives an ID to each container that can start now. Of several such containers,
# those that run start first, then pulls fail, then containers crash, with no delay in between. The
# delay of a readinessProbe begins then, also that of a sidecar.
def step:
  (.spec.initContainers // []) as $inits
  | (.status.initContainerStatuses // []) as $initializing
  | .status.containerStatuses as $main
  | ($inits + .spec.containers) as $spec
  | ($initializing + $main) as $all
  | [$inits[] | select(.restartPolicy != "Always") | .name] as $ending
  | [$inits[] | select(.readinessProbe | not) | .name] as $unprobed
  | [$spec[] | select(.command == ["false"]) | .name] as $crashing
  | ([$spec[] | select(.readinessProbe.exec.command != ["false"])
      | {(.name): (.readinessProbe.initialDelaySeconds // 0)}] | add // {}) as $delay
  | [$all[] | select(.state.waiting and .containerID)
     | if .image | test("^[^/]*\\.invalid(:[0-9]+)?/|:non-existent$") then "pod-pull-fails"
       elif (.name | IN($crashing[]) | not) then "pod-running"
       elif .name | IN($inits[].name) then "pod-init-container-crashes"
       else "pod-crashes" end] as $turn
  | [$all[] | select(.state.running and (.ready | not)) | $delay[.name] | values] as $waits
  | [$all[] | select(.state.running and .ready and (.name | IN($unprobed[]) | not))
     | $delay[.name] | values] as $waited
  | if $turn != [] then
      ["pod-running", "pod-pull-fails", "pod-init-container-crashes", "pod-crashes"] as $order
      | any($main[]; .state.waiting.reason | IN("ContainerCreating", "PodInitializing") | not) as $begun
      | {stage: first($order[] | select(IN($turn[]))), seconds: (if $begun then 0 else 0.4 end)}
    elif any($initializing[]; .state.running and (.name | IN($ending[]))) then
      {stage: "pod-init-container-ends", seconds: 0.4}
    elif any($initializing[]; (.state.terminated.exitCode // 0) != 0) then
      {stage: "pod-init-container-backs-off", seconds: 0.6}
    elif any($all[]; .state.waiting.reason == "ErrImagePull") and ($waits | min) != 0 then
      {stage: "pod-pull-backs-off", seconds: (if $waited == [] then 0.6 else 0.2 end)}
    elif $waits != [] then
      [($waited[] + 0.4), ($all[] | select(.state.waiting.reason == "ImagePullBackOff") | 0.6), 0] as $passed
      | {stage: "pod-ready", seconds: ([($waits | min) + 0.4 - ($passed | max), 0] | max)}
    else {} end;
