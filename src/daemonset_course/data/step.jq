# Compute the next step of a Pod whose containers have been created: the name of the Stage, and the
# delay in seconds at pace 1. `simulated_kubelets.stages` puts this text before each expression that
# uses `step`, after a definition of `pace`.
#
# `podstatus.gotmpl` gives an ID to each container that can start now. Of several such containers,
# those that run start first, then pulls fail, then containers end, with no delay in between. Every
# other step has its own time for each container: the ID holds the moment from which it counts, so
# what happens to one container delays no other one.
def age: (now - (.containerID | ltrimstr("simulated://") | tonumber)) / pace;
def until($seconds): [$seconds - age, 0] | max;
def starts: .state.waiting.reason | IN("ContainerCreating", "PodInitializing");

# As the kubelet: 10 s after the second end of a container, then twice as long each time, up to 300 s.
def back_off: [10 * pow(2; .restartCount - 1), 300] | min;

def step:
  (.spec.initContainers // []) as $inits
  | (.status.initContainerStatuses // []) as $initializing
  | .status.containerStatuses as $main
  | ($inits + .spec.containers) as $spec
  | ($initializing + $main) as $all
  | [$inits[] | select(.restartPolicy != "Always") | .name] as $ending
  | [$spec[] | select(.command == ["false"]
                      or (.command == ["true"] and (.name | IN($ending[]) | not))) | .name] as $crashing
  | ([$spec[] | select(.startupProbe.exec.command != ["false"])
      | {(.name): (.startupProbe.initialDelaySeconds // 0)}] | add // {}) as $startup
  | ([$spec[] | select(.readinessProbe.exec.command != ["false"] and (.name | IN($ending[]) | not))
      | {(.name): ([.readinessProbe.initialDelaySeconds, .startupProbe.initialDelaySeconds, 0] | max)}]
     | add // {}) as $readiness
  | [$all[] | select(starts and .containerID)
     | if .image | test("^[^/]*\\.invalid(:[0-9]+)?/|:(non-existent|404)$") then "pod-pull-fails"
       elif (.name | IN($crashing[]) | not) then "pod-running"
       elif .name | IN($inits[].name) then "pod-init-container-crashes"
       else "pod-crashes" end] as $turn
  | if $turn != [] then
      ["pod-running", "pod-pull-fails", "pod-init-container-crashes", "pod-crashes"] as $order
      | {stage: first($order[] | select(IN($turn[]))),
         seconds: (if any($main[]; starts | not) then 0 else 0.4 end)}
    else
      [($initializing[] | select(.state.running and (.name | IN($ending[])))
        | {stage: "pod-init-container-ends", seconds: until(0.4)}),
       ($initializing[] | select(.state.terminated and .containerID
                                 and ((.name | IN($ending[]) | not) or .state.terminated.exitCode != 0))
        | {stage: "pod-init-container-backs-off", seconds: until(0.6)}),
       ($all[] | select(.state.running and (.started | not)) | $startup[.name] as $delay | select($delay)
        | {stage: "pod-started", seconds: until($delay + 0.2)}),
       ($all[] | select(.state.running and .started and (.ready | not)) | $readiness[.name] as $delay
        | select($delay) | {stage: "pod-ready", seconds: until($delay + 0.4)}),
       ($all[] | select(.state.waiting.reason == "ErrImagePull")
        | {stage: "pod-pull-backs-off", seconds: until(0.6)}),
       ($all[] | select(.state.waiting.reason == "CrashLoopBackOff")
        | {stage: (if .name | IN($inits[].name) then "pod-init-container-crashes" else "pod-crashes" end),
           seconds: ([back_off - (now - (.lastState.terminated.finishedAt | fromdate)) / pace, 0] | max)})]
      | min_by(.seconds) // {}
    end;
