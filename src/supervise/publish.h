#pragma once
// Published ports: listeners on the host's loopback, bound before anything of the run starts, and
// handed to egress. Who calls: run.cc at the start; whoever publishes while a run goes on.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "event/event.h"
#include "policy/published_port.h"

namespace ambit::egress {
struct PublishedListener;
}

namespace ambit::supervise {

/// Listens on 127.0.0.1:H and, where there is IPv6, on [::1]:H, for each port: one or two listeners
/// with the H that was bound, also where any free one was asked for. No other address of the host
/// leads to them, and nobody else can listen beside them. kLimit, kDenied with what to do: the port
/// is in use, or not the person's to bind.
Result<std::vector<egress::PublishedListener>> ListenFor(
    std::span<const policy::PublishedPort> ports);

/// The ports of the listeners, each once.
std::vector<policy::PublishedPort> PortsOf(std::span<const egress::PublishedListener> listeners);

/// Hands a listener to the egress of a run that goes on: it is served from now on and closed here.
/// `egress_control`: Processes::egress_control(). Egress takes it when all walls stand, not before.
Status Publish(int egress_control, egress::PublishedListener listener);

/// "127.0.0.1:8080 here is port 80 of the run".
std::string TellOf(const policy::PublishedPort& port);

/// For the record, as soon as it is listened on.
event::Event ListeningOn(const policy::PublishedPort& port);

}  // namespace ambit::supervise
