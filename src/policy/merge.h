#pragma once
// Many documents become one: lists are joined, of single values the strongest claim wins, and the
// managed policy bounds the outcome. What a project's file asks for beyond what holds without it is
// left out until a person trusts the file (`ambit trust`); what it takes away always holds. A limit
// in it is the most that anybody gets, and gives nothing to who has less.
// Guarantee (property-tested): the policy with an untrusted project's file is never wider than
// without it, and with a managed policy never wider than that allows.
// Who calls: load.cc, cli. Pure, no errors: the reader has refused what cannot be right.
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "policy/document.h"
#include "policy/policy.h"

namespace ambit::policy {

/// What was left out, and why.
struct LeftOut {
  const Option* option = nullptr;
  Item item;
  std::string why;
};

/// One line: "ambit.toml:3:7: fs.ro '/x' is left out: the project's file is not trusted".
std::string Describe(const LeftOut& left_out);

/// What messages call an item by: NamedPath::from, NetRule::from.
std::string NameFor(const Option& option, const Origin& origin);

struct Merged {
  std::vector<Setting> values;  // in the table's order, those that anybody set
  /// Of limits: the one item that no value gets over, of the managed policy or of a file that is
  /// not trusted. Those that there are.
  std::vector<Setting> bounds;
  /// What the managed policy allows of names at most, also to who is asked; nullopt: it says
  /// nothing of it.
  std::optional<Setting> most_allowed;
  std::optional<Setting> most_published;  // the same of published ports
  std::vector<TestCase> tests;
  std::vector<LeftOut> left_out;

  const Setting* Find(std::string_view key) const;
  const Setting* FindBound(std::string_view key) const;
};

/// The real path of what `path` names on this host; itself when there is none.
using RealPath = std::function<std::string(const std::string& path)>;

/// `documents` weakest claim first, with paths written out. A bound of paths holds for what they
/// really are, so that a link does not lead around it; the bound itself follows none.
Merged Merge(std::span<const Document> documents, const Document* managed, const RealPath& real);

/// The value that the other rooms work with.
Policy ToPolicy(const Merged& merged);

/// Whether a run of `policy` may do nothing that one of `other` may not. By text: a path below
/// another is not seen to be part of it.
bool IsNoWider(const Policy& policy, const Policy& other);

}  // namespace ambit::policy
