#include "proto/vt_filter.h"

#include <algorithm>
#include <array>

namespace ambit::proto {
namespace {

constexpr unsigned char kEnq = 0x05;
constexpr unsigned char kBell = 0x07;
constexpr unsigned char kCancel = 0x18;
constexpr unsigned char kSubstitute = 0x1a;
constexpr unsigned char kEsc = 0x1b;
constexpr unsigned char kDelete = 0x7f;
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

constexpr bool IsPlain(unsigned char byte) {
  return byte < 0x80 && byte != kEnq && byte != kEsc && byte != 0x0e && byte != 0x0f &&
         byte != kSubstitute;
}

constexpr bool IsEightBitControl(unsigned char byte) { return byte >= 0x80 && byte <= 0x9f; }
constexpr bool IsIntermediate(unsigned char byte) { return byte >= 0x20 && byte <= 0x2f; }

/// A CSI without its introducer: "?25h" is form "?h", parameters "25".
struct Csi {
  std::string form;
  std::string_view parameters;
  bool well_formed = false;
};

Csi TakeApart(std::string_view sequence) {
  Csi csi;
  const std::string_view final = sequence.substr(sequence.size() - 1);
  std::string_view rest = sequence.substr(0, sequence.size() - 1);
  const bool has_prefix = !rest.empty() && rest[0] >= '<' && rest[0] <= '?';
  const std::string_view prefix = rest.substr(0, has_prefix ? 1 : 0);
  rest.remove_prefix(prefix.size());
  const std::size_t end = std::min(rest.find_first_not_of("0123456789:;"), rest.size());
  csi.parameters = rest.substr(0, end);
  const std::string_view intermediates = rest.substr(end);
  csi.well_formed = std::ranges::all_of(
      intermediates, [](char c) { return IsIntermediate(static_cast<unsigned char>(c)); });
  csi.form.append(prefix).append(intermediates).append(final);
  return csi;
}

/// "52;c;..." is command "52"; of Sun's "lTITLE" it is the letter.
struct Osc {
  std::string_view command;
  std::string_view payload;
};

Osc TakeOscApart(std::string_view sequence) {
  const bool letter = !sequence.empty() && (sequence[0] < '0' || sequence[0] > '9');
  if (letter) return {.command = sequence.substr(0, 1), .payload = sequence.substr(1)};
  const std::size_t end = sequence.find(';');
  if (end == sequence.npos) return {.command = sequence, .payload = {}};
  return {.command = sequence.substr(0, end), .payload = sequence.substr(end + 1)};
}

/// Linux's console ends these by their length: waiting for more would swallow what follows.
bool IsConsolePalette(std::string_view sequence) {
  if (sequence == "R") return true;
  return sequence.size() == 8 && sequence[0] == 'P' &&
         sequence.find_first_not_of("0123456789abcdefABCDEF", 1) == sequence.npos;
}

}  // namespace

void VtFilter::Filter(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    if (state_ == State::kGround && continuation_ == 0 && !after_c2_) {
      const auto end = std::ranges::find_if_not(
          bytes, [](char c) { return IsPlain(static_cast<unsigned char>(c)); });
      const auto plain = static_cast<std::size_t>(end - bytes.begin());
      out.append(bytes.substr(0, plain));
      bytes.remove_prefix(plain);
      if (bytes.empty()) return;
    }
    Take(static_cast<unsigned char>(bytes[0]), out);
    bytes.remove_prefix(1);
  }
}

std::vector<VtFilter::Dropped> VtFilter::dropped() const {
  std::vector<Dropped> all;
  for (std::size_t i = 0; i < dropped_.size(); ++i) {
    if (dropped_[i] == 0) continue;
    const std::string_view name = VtRules()[i].name;
    const auto known = std::ranges::find(all, name, &Dropped::name);
    if (known == all.end()) {
      all.push_back({.name = name, .count = dropped_[i]});
    } else {
      known->count += dropped_[i];
    }
  }
  return all;
}

void VtFilter::Take(unsigned char byte, std::string& out) {
  switch (state_) {
    case State::kGround:
      return TakeGround(byte, out);
    case State::kEscape:
      return TakeEscape(byte, out);
    case State::kCsi:
      return TakeCsi(byte, out);
    case State::kOsc:
      return TakeOsc(byte, out);
    case State::kOtherString:
      if (byte == kEsc) state_ = State::kStringEscape;
      if (byte == kCancel || byte == kSubstitute) Abandon();
      return;
    case State::kStringEscape:
      return TakeStringEscape(byte, out);
  }
}

void VtFilter::TakeGround(unsigned char byte, std::string& out) {
  if (after_c2_) {
    after_c2_ = false;
    if (byte >= 0xa0 && byte <= 0xbf) {
      out.append("\xc2").append(1, static_cast<char>(byte));
      return;
    }
    out += kReplacement;
    if (IsEightBitControl(byte)) return;
  }
  if (continuation_ > 0) {
    if (byte >= low_ && byte <= high_) {
      out += static_cast<char>(byte);
      --continuation_;
      low_ = 0x80;
      high_ = 0xbf;
      return;
    }
    continuation_ = 0;  // not UTF-8; what comes now stands for itself
  }
  if (byte >= 0x80) return TakeHigh(byte, out);
  if (byte == kEsc) return Begin(State::kEscape);
  const char control = static_cast<char>(byte);
  if (byte < 0x20) {
    if (!Decide(FindVtRule(VtKind::kControl, std::string_view(&control, 1)))) return;
    NoteControl(modes_, control);
  }
  out += control;
}

/// The first byte of a character (Unicode, table 3-7), or one that has no place in UTF-8.
void VtFilter::TakeHigh(unsigned char byte, std::string& out) {
  if (IsEightBitControl(byte)) {
    out += kReplacement;
    return;
  }
  if (byte == 0xc2) {
    after_c2_ = true;
    return;
  }
  out += static_cast<char>(byte);
  if (byte < 0xc3 || byte > 0xf4) return;
  continuation_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
  low_ = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
  high_ = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
}

bool VtFilter::TookControl(unsigned char byte, std::string& out) {
  if (byte == kEsc) {
    Begin(State::kEscape);
  } else if (byte == kCancel || byte == kSubstitute) {
    Abandon();
  } else if (byte >= 0x80) {
    Abandon();
    TakeGround(byte, out);
  } else if (byte < 0x20) {
    TakeGround(byte, out);
  } else if (byte != kDelete) {
    return false;
  }
  return true;
}

void VtFilter::TakeEscape(unsigned char byte, std::string& out) {
  if (TookControl(byte, out)) return;
  if (sequence_.empty()) {
    switch (byte) {
      case '[':
        return Begin(State::kCsi);
      case ']':
        return Begin(State::kOsc);
      case 'P':
      case 'X':
      case '^':
      case '_':
      case 'k':
      case '!':
      case '"': {
        const char form = static_cast<char>(byte);
        (void)Decide(FindVtRule(VtKind::kString, std::string_view(&form, 1)));
        return Begin(State::kOtherString);
      }
      default:
        break;
    }
  }
  Collect(byte);
  if (IsIntermediate(byte)) return;
  if (!malformed_ && Decide(FindVtRule(VtKind::kEscape, sequence_))) {
    NoteEscape(modes_, sequence_);
    out.append("\x1b").append(sequence_);
  }
  Abandon();
}

void VtFilter::TakeCsi(unsigned char byte, std::string& out) {
  if (TookControl(byte, out)) return;
  Collect(byte);
  if (byte < 0x40) return;
  const Csi csi = TakeApart(sequence_);
  if (!malformed_ && csi.well_formed &&
      Decide(FindVtRule(VtKind::kCsi, csi.form, csi.parameters))) {
    NoteCsi(modes_, csi.form, csi.parameters);
    out.append("\x1b[").append(sequence_);
  }
  Abandon();
}

void VtFilter::TakeOsc(unsigned char byte, std::string& out) {
  if (byte == kBell) return EndString("\x07", out);
  if (byte == kEsc) {
    state_ = State::kStringEscape;
  } else if (byte == kCancel || byte == kSubstitute) {
    Abandon();
  } else if (byte < 0x20 || byte >= kDelete) {
    malformed_ = true;  // a title may have it, and no command that passes
  } else {
    Collect(byte);
    if (IsConsolePalette(sequence_)) EndString({}, out);
  }
}

void VtFilter::TakeStringEscape(unsigned char byte, std::string& out) {
  if (byte == '\\') return EndString("\x1b\\", out);
  Begin(State::kEscape);  // the string was never ended, so nobody saw it
  TakeEscape(byte, out);
}

/// Of the other strings nothing was collected, and no row lets the empty command pass.
void VtFilter::EndString(std::string_view terminator, std::string& out) {
  const Osc osc = TakeOscApart(sequence_);
  const bool is_osc = !sequence_.empty();
  if (is_osc && Decide(FindVtRule(VtKind::kOsc, osc.command, osc.payload)) && !malformed_) {
    NoteOsc(modes_, osc.command, osc.payload);
    out.append("\x1b]").append(sequence_).append(terminator);
  }
  Abandon();
}

void VtFilter::Begin(State state) {
  state_ = state;
  sequence_.clear();
  malformed_ = false;
}

void VtFilter::Collect(unsigned char byte) {
  if (sequence_.size() < kLongest) {
    sequence_ += static_cast<char>(byte);
  } else {
    malformed_ = true;
    sequence_.back() = static_cast<char>(byte);  // the final one is still known
  }
}

bool VtFilter::Decide(const VtRule& rule) {
  if (!rule.passes) ++dropped_[static_cast<std::size_t>(&rule - VtRules().data())];
  return rule.passes;
}

}  // namespace ambit::proto
