#pragma once
// From what a person asked for to how it ended: facts, plan, state directory, supervision, record.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "event/event.h"
#include "policy/policy.h"
#include "supervise/outcome.h"
#include "workspace/run_store.h"

namespace ambit::supervise {

struct RunRequest {
  policy::Policy policy;
  std::vector<std::string> argv;
  std::string directory;       // -C, absolute; empty: the working directory decides
};

/// What a person may want to hear, in order; the caller prints it.
struct RunObserver {
  /// Everything is planned and recorded, nothing has started.
  std::function<void(const workspace::RunMeta&)> on_planned;
  /// Something that will surprise, such as a home below /tmp.
  std::function<void(const std::string&)> on_warning;
};

using OpenSink =
    std::function<Result<std::unique_ptr<event::Sink>>(const workspace::RunDir& run)>;

/// Executes one run to its end. An error means that nothing was started at all (bad request, no
/// plan, no state directory); everything later is an Outcome.
Result<Outcome> Run(const RunRequest& request, const OpenSink& open_sink,
                    const RunObserver& observer);

}  // namespace ambit::supervise
