#include "event/secret_options.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <vector>

namespace ambit::event {
namespace {

char Upper(char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kBetweenWords = " \t\r\n;|()`";

bool HasBlanks(std::string_view text) {
  return text.find_first_of(kBlanks) != std::string_view::npos;
}

/// Option names that mean the same to every program that has them.
constexpr std::string_view kNames[] = {
    "password",       "passwd",        "pass",          "passphrase",    "secret",
    "token",          "api-key",       "apikey",        "api_key",       "api-token",
    "api_token",      "auth-token",    "auth_token",    "authtoken",     "access-token",
    "access_token",   "refresh-token", "refresh_token", "session-token", "session_token",
    "id-token",       "id_token",      "client-secret", "client_secret", "secret-key",
    "secret_key",     "access-key",    "access_key",    "http-password", "ftp-password",
    "proxy-password", "db-password",   "storepass",     "keypass",       "oauth2-bearer",
    "tlspassword",    "github-token",  "private-token"};

/// Where the value of an option stands.
enum class Place : std::uint8_t {
  kNext,      // the next argument
  kAttached,  // behind the letter, in the same argument: alone, the option asks the person
  kEither,
};

/// What of the value is the secret.
constexpr char kAll = '\0';

struct ProgramOption {
  std::string_view programs;    // separated by blanks
  std::string_view subcommand;  // empty: of all
  std::string_view option;      // a short one; a long one has its value next or after `=`
  Place place = Place::kEither;
  char after = kAll;  // the secret is what follows this; without it the value is none
};

constexpr std::string_view kMysql =
    "mysql mysqldump mysqladmin mysqlimport mysqlcheck mysqlshow mysqlsh mariadb mariadb-dump "
    "mariadb-admin mariadb-import";
constexpr std::string_view kRegistries = "docker podman nerdctl buildah skopeo oc";
constexpr std::string_view kMongo =
    "mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat";
constexpr std::string_view kLdap =
    "ldapsearch ldapadd ldapmodify ldapdelete ldappasswd ldapwhoami ldapcompare";

constexpr ProgramOption kProgramOptions[] = {
    // NAME:PASSWORD; a name alone makes curl ask.
    {"curl", "", "-u", Place::kEither, ':'},
    {"curl", "", "--user", Place::kNext, ':'},
    {"curl", "", "-U", Place::kEither, ':'},
    {"curl", "", "--proxy-user", Place::kNext, ':'},
    // NAME=VALUE; without a sign it is a file of cookies.
    {"curl", "", "-b", Place::kEither, '='},
    {"curl", "", "--cookie", Place::kNext, '='},
    // FILE:PASSWORD of a client certificate.
    {"curl", "", "-E", Place::kEither, ':'},
    {"curl", "", "--cert", Place::kNext, ':'},
    // httpie: NAME:PASSWORD.
    {"http https", "", "-a", Place::kEither, ':'},
    {"http https", "", "--auth", Place::kNext, ':'},
    // A password is never the next argument, which is the database.
    {kMysql, "", "-p", Place::kAttached},
    // Elsewhere `docker -p` publishes a port.
    {kRegistries, "login", "-p"},
    {kMongo, "", "-p"},
    {"redis-cli", "", "-a", Place::kNext},
    // The password of the program that it starts.
    {"sshpass", "", "-p"},
    // NAME%PASSWORD.
    {"smbclient rpcclient smbget", "", "-U", Place::kEither, '%'},
    {"smbclient rpcclient smbget", "", "--user", Place::kNext, '%'},
    // The bind password; -W asks for it.
    {kLdap, "", "-w"},
    // Of an archive.
    {"zip unzip zipcloak", "", "-P"},
    {"7z 7za 7zr 7zz", "", "-p", Place::kAttached},
    // The cost of a hash is no operand; the password is the last of those (Line).
    {"htpasswd", "", "-C", Place::kNext, ':'},
    {"htpasswd", "", "-r", Place::kNext, ':'},
};

/// Letters of curl that have no value: behind them, in the same argument, another one may stand.
constexpr std::string_view kCurlFlags = "#012346aBfgGiIjJkLlMnNOpqRsSvVZ";

/// Programs whose options end where the command they start begins.
constexpr std::string_view kStarters = "sshpass";

bool IsOneOf(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(' '), names.size());
    if (names.substr(0, end) == name) return true;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}

bool IsProgram(std::string_view name) {
  return std::ranges::any_of(kProgramOptions,
                             [&](const ProgramOption& row) { return IsOneOf(row.programs, name); });
}

bool IsSubcommand(std::string_view name) {
  return std::ranges::find(kProgramOptions, name, &ProgramOption::subcommand) !=
         std::end(kProgramOptions);
}

/// `//host/:_authToken`, `aws_secret_access_key`, `github.token`: a setting, of which the next word
/// is the value.
bool IsSecretSetting(std::string_view word) {
  const std::string_view name = word.substr(word.find_last_of(":.") + 1);  // npos + 1 is 0
  return NamesSecret(name) || LooksSecret(name);
}

/// `--password`, `-password`, `password`.
bool IsSecretOption(std::string_view word) {
  while (word.starts_with('-')) word.remove_prefix(1);
  return NamesSecret(word);
}

/// The value of what begins at `from`, or what of it is the secret.
void RedactValue(std::string& text, std::size_t from, char after) {
  if (after != kAll) {
    from = text.find(after, from);
    if (from == std::string::npos) return;
    ++from;
  }
  const std::string_view value = std::string_view(text).substr(from);
  // A known value is told by its name, and the parameters behind one that was taken out are none.
  const bool is_known = value.starts_with("[redacted ") && value.find(']') == value.size() - 1;
  if (value.empty() || is_known || value.starts_with(kRedacted)) return;
  text.replace(from, std::string::npos, kRedacted);
}

/// `NAME=VALUE` with a name that says so, `--env=NAME=VALUE`, `//host/:_authToken=VALUE`.
void RedactAssignment(std::string& text) {
  for (std::size_t begin = 0, sign = 0; (sign = text.find('=', begin)) != std::string::npos;
       begin = sign + 1) {
    std::string_view name = std::string_view(text).substr(begin, sign - begin);
    const bool is_option = name.starts_with('-');
    if (const std::size_t colon = name.rfind(':'); colon != std::string_view::npos) {
      name.remove_prefix(colon + 1);
    }
    if (IsSecretOption(name) || (!is_option && LooksSecret(name))) {
      RedactValue(text, sign + 1, kAll);
      return;
    }
    if (!is_option) return;
  }
}

/// `?name=VALUE&name=VALUE` of an address, `name=VALUE&name=VALUE` of a form, `;name=VALUE;` of
/// what drivers of databases are given.
void RedactParameters(std::string& text) {
  constexpr std::string_view kBetween = "?&;";
  if (text.find_first_of(kBetween) == std::string::npos) return;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of(kBetween, begin), text.size());
    const std::size_t sign = text.find('=', begin);
    if (sign < end && sign + 1 < end &&
        NamesSecret(std::string_view(text).substr(begin, sign - begin))) {
      text.replace(sign + 1, end - sign - 1, kRedacted);
      begin = sign + 1 + kRedacted.size() + 1;
    } else {
      begin = end + 1;
    }
  }
}

/// Goes over the words of one command line, left to right.
class Line {
 public:
  void Take(std::string& word) {
    if (expects_) {
      RedactValue(word, 0, *expects_);
      expects_.reset();
      return;
    }
    if (word.starts_with('-') && IsSecretOption(word)) {
      expects_ = kAll;
      return;
    }
    if (word.size() > 1 && word.starts_with('-')) {
      TakeOption(word);
    } else if (IsPasswordOfHtpasswd()) {
      RedactValue(word, 0, kAll);
      return;
    } else {
      TakeOperand(word);
    }
    RedactParameters(word);
    RedactAssignment(word);
  }

  /// What comes is another command.
  void End() { *this = Line(); }

 private:
  void TakeOperand(const std::string& word) {
    const std::string name = word.substr(word.rfind('/') + 1);
    if (IsProgram(name)) {
      program_ = name;
      subcommand_.clear();
    } else if (IsOneOf(kStarters, program_)) {
      program_.clear();
    } else if (IsSubcommand(word)) {
      subcommand_ = word;
    } else if (settings_ && IsSecretSetting(word) && !word.contains('=')) {
      expects_ = kAll;
    } else {
      // `npm config set NAME VALUE`, `aws configure set NAME VALUE`, `git config NAME VALUE`.
      settings_ |= word == "config" || word == "configure";
    }
    if (program_ == kHtpasswd) ++operands_;
  }

  /// `htpasswd -b FILE NAME PASSWORD`, `htpasswd -nb NAME PASSWORD`.
  bool IsPasswordOfHtpasswd() const {
    return program_ == kHtpasswd && letters_.contains('b') &&
           operands_ == (letters_.contains('n') ? 2U : 3U);
  }

  void TakeOption(std::string& word) {
    if (program_ == kHtpasswd) letters_ += word;
    for (const ProgramOption& row : kProgramOptions) {
      if (!IsOneOf(row.programs, program_)) continue;
      if (!row.subcommand.empty() && row.subcommand != subcommand_) continue;
      const bool is_long = row.option.starts_with("--");
      if (word == row.option ||
          (!is_long && row.after != kAll && EndsBundle(word, row.option[1]))) {
        if (row.place != Place::kAttached) expects_ = row.after;
        return;
      }
      if (const std::size_t value = ValueInBundle(word, row); value != 0) {
        RedactValue(word, value, row.after);
        return;
      }
      if (!word.starts_with(row.option)) continue;
      if (is_long && word[row.option.size()] == '=') {
        RedactValue(word, row.option.size() + 1, row.after);
      } else if (!is_long && row.place != Place::kNext) {
        RedactValue(word, row.option.size(), row.after);
      }
    }
  }

  /// `-sSu`: letters of which the last one has the value.
  static bool EndsBundle(std::string_view word, char option) {
    return word.size() > 2 && word[1] != '-' && word.back() == option &&
           std::ranges::all_of(word.substr(1),
                               [](unsigned char c) { return std::isalpha(c) != 0; });
  }

  /// `-sSuNAME:PASSWORD`: where the value begins. 0: it is none.
  static std::size_t ValueInBundle(std::string_view word, const ProgramOption& row) {
    if (row.programs != "curl" || row.option.starts_with("--")) return 0;
    const std::size_t letter = word.find_first_not_of(kCurlFlags, 1);
    const bool is_it =
        letter != std::string_view::npos && letter > 1 && word[letter] == row.option[1];
    return is_it ? letter + 1 : 0;
  }

  static constexpr std::string_view kHtpasswd = "htpasswd";

  std::string program_;
  std::string subcommand_;
  bool settings_ = false;        // what comes are names of settings and their values
  std::string letters_;          // htpasswd: of its options
  unsigned operands_ = 0;        // htpasswd: with its own name
  std::optional<char> expects_;  // the next word is a value, and what of it is the secret
};

/// The end of the word that begins at `begin`: at a blank or what ends a command, outside quotes.
std::size_t EndOfWord(std::string_view text, std::size_t begin) {
  char quote = '\0';
  for (std::size_t at = begin; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\') {
      ++at;
    } else if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (kBetweenWords.contains(c)) {
      return at;
    }
  }
  return text.size();
}

/// A command line in one text; of a quoted word the content, which is shorter.
std::string RedactText(std::string_view text) {
  std::string result;
  Line line;
  for (std::size_t at = 0; at < text.size();) {
    if (kBetweenWords.contains(text[at])) {
      if (text[at] != ' ' && text[at] != '\t') line.End();
      result += text[at++];
      continue;
    }
    const std::size_t end = EndOfWord(text, at);
    std::string_view word = text.substr(at, end - at);
    at = end;
    const bool quoted = word.size() > 1 && (word.front() == '"' || word.front() == '\'') &&
                        word.back() == word.front();
    std::string inner(quoted ? word.substr(1, word.size() - 2) : word);
    if (inner == "&&" || inner == "&") line.End();
    line.Take(inner);
    if (quoted && HasBlanks(inner)) inner = RedactText(inner);  // `sh -c "..."`
    if (quoted) inner = word.front() + inner + word.front();
    result += inner;
  }
  return result;
}

/// `-c`, `-lc`: what follows is a command line.
bool IsBeforeCommand(std::string_view word) {
  return word.size() > 1 && word.size() < 6 && word.front() == '-' && word[1] != '-' &&
         word.back() == 'c';
}

}  // namespace

bool StartsWithIgnoringCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::ranges::equal(text.substr(0, prefix.size()), prefix,
                            [](char a, char b) { return Upper(a) == Upper(b); });
}

bool NamesSecret(std::string_view name) {
  return std::ranges::any_of(kNames, [&](std::string_view known) {
    return name.size() == known.size() && StartsWithIgnoringCase(name, known);
  });
}

bool LooksSecret(std::string_view variable) {
  if (variable.empty() || variable.size() > 128) return false;
  std::string name;
  for (const char c : variable) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_') return false;
    name += Upper(c);
  }
  for (const std::string_view word :
       {"TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "API_KEY", "APIKEY",
        "ACCESS_KEY", "PRIVATE_KEY"}) {
    if (name.contains(word)) return true;
  }
  if (name.contains("AUTH") && (!name.contains("AUTHOR") || name.contains("AUTHORIZ"))) return true;
  return name.ends_with("_KEY") || name.ends_with("_PASS") || name.ends_with("_PAT") ||
         name == "PGPASS";
}

void RedactOptions(std::span<std::string> arguments) {
  Line line;
  bool is_command = false;
  for (std::string& argument : arguments) {
    const bool next_is_command = IsBeforeCommand(argument);
    // The value of a variable may have blanks, and a command line may begin with a variable.
    const bool is_text = HasBlanks(argument);
    if (!is_text || !is_command) line.Take(argument);
    if (is_text && HasBlanks(argument)) argument = RedactText(argument);
    is_command = next_is_command;
  }
}

}  // namespace ambit::event
