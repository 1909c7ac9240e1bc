#include "sys/private_page.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <utility>

namespace ambit::sys {
namespace {

constexpr std::size_t kPage = 4096;

}  // namespace

Result<PrivatePage> PrivatePage::Make() {
  void* page = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return FailErrno(errno, "mmap");
  PrivatePage made(static_cast<char*>(page));
  if (::madvise(page, kPage, MADV_WIPEONFORK) != 0 || ::madvise(page, kPage, MADV_DONTDUMP) != 0) {
    return FailErrno(errno, "madvise");
  }
  return made;
}

PrivatePage::PrivatePage(PrivatePage&& other) noexcept
    : page_(std::exchange(other.page_, nullptr)) {}

PrivatePage::~PrivatePage() {
  if (page_ == nullptr) return;
  ::explicit_bzero(page_, kPage);
  ::munmap(page_, kPage);
}

bool PrivatePage::Append(char c) {
  const std::size_t used = text().size();
  if (used == kMost) return false;
  page_[used] = c;
  return true;
}

std::string_view PrivatePage::text() const { return {page_, ::strnlen(page_, kMost)}; }

}  // namespace ambit::sys
