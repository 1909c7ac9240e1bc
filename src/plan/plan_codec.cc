#include "plan/plan_codec.h"

#include <array>
#include <concepts>
#include <optional>
#include <type_traits>

namespace ambit::plan {
namespace {

// ---- What a plan consists of: one list for both directions. A binding names every field, so that
// ---- none can be added to a struct and forgotten here.

template <class T, class Struct>
concept Is = std::same_as<std::remove_const_t<T>, Struct>;

template <class Archive>
void Fields(Archive& archive, Is<Identity> auto& it) {
  auto& [started_by_root, inside_uid, inside_gid, outside_uid, outside_gid, others_base, disk_uid,
         disk_gid, egress_uid, user_name] = it;
  archive(started_by_root, inside_uid, inside_gid, outside_uid, outside_gid, others_base, disk_uid,
          disk_gid, egress_uid, user_name);
}

template <class Archive>
void Fields(Archive& archive, Is<RootEntry> auto& it) {
  auto& [kind, path, content, mode] = it;
  archive(kind, path, content, mode);
}

template <class Archive>
void Fields(Archive& archive, Is<sys::FileId> auto& it) {
  auto& [device, inode] = it;
  archive(device, inode);
}

template <class Archive>
void Fields(Archive& archive, Is<Mask> auto& it) {
  auto& [path, content, mode, hidden, rule] = it;
  archive(path, content, mode, hidden, rule);
}

template <class Archive>
void Fields(Archive& archive, Is<Mount> auto& it) {
  auto& [kind, inside, host, host_id, layer, directory, read_only, sealed, device, without_sockets,
         owned, mode, masks] = it;
  archive(kind, inside, host, host_id, layer, directory, read_only, sealed, device, without_sockets,
          owned, mode, masks);
}

template <class Archive>
void Fields(Archive& archive, Is<Layer> auto& it) {
  auto& [name, inside, lower, lower_id, masks] = it;
  archive(name, inside, lower, lower_id, masks);
}

template <class Archive>
void Fields(Archive& archive, Is<Kept> auto& it) {
  auto& [name, project, place] = it;
  archive(name, project, place);
}

template <class Archive>
void Fields(Archive& archive, Is<LandlockRule> auto& it) {
  auto& [inside, access] = it;
  archive(inside, access);
}

template <class Archive>
void Fields(Archive& archive, Is<policy::AddressRange> auto& it) {
  auto& [first, bits] = it;
  archive(first, bits);
}

template <class Archive>
void Fields(Archive& archive, Is<policy::NetRule> auto& it) {
  auto& [name, below, range, port, raw, from] = it;
  archive(name, below, range, port, raw, from);
}

template <class Archive>
void Fields(Archive& archive, Is<policy::PrivateName> auto& it) {
  auto& [name, below, address, from] = it;
  archive(name, below, address, from);
}

template <class Archive>
void Fields(Archive& archive, Is<policy::NetRules> auto& it) {
  auto& [allow, deny, ask, most, private_names] = it;
  archive(allow, deny, ask, most, private_names);
}

template <class Archive>
void Fields(Archive& archive, Is<HttpProxy> auto& it) {
  auto& [host, port, with_login, direct, direct_without_dot] = it;
  archive(host, port, with_login, direct, direct_without_dot);
}

template <class Archive>
void Fields(Archive& archive, Is<policy::PublishedPort> auto& it) {
  auto& [host, inside] = it;
  archive(host, inside);
}

template <class Archive>
void Fields(Archive& archive, Is<NetworkPlan> auto& it) {
  auto& [capture_port, host_ports, publish, rules, proxy, capture, most_publish] = it;
  archive(capture_port, host_ports, publish, rules, proxy, capture, most_publish);
}

template <class Archive>
void Fields(Archive& archive, Is<Limit> auto& it) {
  auto& [kind, value, means, interval_ms, overshoot, from] = it;
  archive(kind, value, means, interval_ms, overshoot, from);
}

/// Without the cgroups: they are made outside.
template <class Archive>
void Fields(Archive& archive, Is<Limits> auto& it) {
  [[maybe_unused]] auto& [all, cgroup, disk_backing, io_disk] = it;
  archive(all, disk_backing);
}

template <class Archive>
void Fields(Archive& archive, Is<LaunchPlan> auto& it) {
  [[maybe_unused]] auto& [identity, hostname, root, mounts, aliases, proc_masked, proc_read_only,
                          layers, kept, home_files, landlock, network, limits, audit_files,
                          warnings, cwd, argv, environment, path_entries] = it;
  archive(identity, hostname, mounts, aliases, proc_masked, proc_read_only, layers, kept, landlock,
          network, limits, audit_files, warnings, cwd, argv, environment, path_entries);
}

// ---- The two directions.

template <class T>
concept Plain = std::is_arithmetic_v<T> || std::is_enum_v<T>;

class Writer {
 public:
  template <class... Ts>
  void operator()(const Ts&... values) {
    (Put(values), ...);
  }
  std::string Take() { return std::move(out_); }

 private:
  template <Plain T>
  void Put(const T& value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void Put(const std::string& text) {
    Put(text.size());
    out_ += text;
  }
  void Put(const std::optional<HostName>& name) { Put(name ? name->text() : std::string()); }
  template <class T, std::size_t size>
  void Put(const std::array<T, size>& list) {
    for (const T& item : list) Put(item);
  }
  template <class T>
  void Put(const std::vector<T>& list) {
    Put(list.size());
    for (const T& item : list) Put(item);
  }
  template <class T>
  void Put(const std::optional<T>& value) {
    Put(value.has_value());
    if (value) Put(*value);
  }
  template <class T>
    requires(!Plain<T>)
  void Put(const T& value) {
    Fields(*this, value);
  }

  std::string out_;
};

/// After the first thing that does not fit nothing more is read.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class... Ts>
  void operator()(Ts&... values) {
    (Get(values), ...);
  }
  [[nodiscard]] bool ReadExactly() const { return !failed_ && rest_.empty(); }

 private:
  template <Plain T>
  void Get(T& value) {
    if (const std::string_view bytes = Take(sizeof value); !failed_) {
      bytes.copy(reinterpret_cast<char*>(&value), sizeof value);
    }
  }
  void Get(bool& value) {
    const std::string_view byte = Take(1);
    value = !failed_ && byte[0] != 0;
  }
  void Get(std::string& text) {
    std::size_t size = 0;
    Get(size);
    text = Take(size);
  }
  /// A name is read by the one parser of names, here as everywhere.
  void Get(std::optional<HostName>& name) {
    std::string text;
    Get(text);
    if (failed_ || text.empty()) return;
    if (auto parsed = HostName::Parse(text)) {
      name = *std::move(parsed);
    } else {
      failed_ = true;
    }
  }
  template <class T, std::size_t size>
  void Get(std::array<T, size>& list) {
    for (T& item : list) Get(item);
  }
  template <class T>
  void Get(std::vector<T>& list) {
    std::size_t size = 0;
    Get(size);
    // No element is smaller than a byte: a size beyond the rest is none.
    if (size > rest_.size()) failed_ = true;
    for (std::size_t i = 0; i < size && !failed_; ++i) Get(list.emplace_back());
  }
  template <class T>
  void Get(std::optional<T>& value) {
    bool has_value = false;
    Get(has_value);
    if (has_value) Get(value.emplace());
  }
  template <class T>
    requires(!Plain<T>)
  void Get(T& value) {
    Fields(*this, value);
  }

  std::string_view Take(std::size_t size) {
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace

std::string Encode(const LaunchPlan& plan) {
  Writer writer;
  writer(plan);
  return writer.Take();
}

Result<LaunchPlan> Decode(std::string_view bytes) {
  LaunchPlan plan;
  Reader reader(bytes);
  reader(plan);
  if (!reader.ReadExactly()) return Fail(Errc::kInvalidArgument, "a plan that cannot be read");
  return plan;
}

}  // namespace ambit::plan
