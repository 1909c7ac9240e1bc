// A headless browser inside a run, as agents use it to look at what they built.
#include "everyday.h"

namespace ambit::testing {
namespace {

class Browser : public Everyday {
 protected:
  void SetUp() override {
    // The text exists only once the page's script has run.
    person_.Write("project/page.html",
                  "<!doctype html><title>t</title><p id=out>nothing</p><script>"
                  "document.getElementById('out').textContent = ['made', 'by', 6 * 7].join('-');"
                  "</script>\n");
  }
};
INSTANTIATE_TEST_SUITE_P(As, Browser, ::testing::ValuesIn(Everyone()), NameOfParam);

constexpr const char* kDump = "chromium --headless --no-sandbox --disable-gpu --dump-dom";

TEST_P(Browser, ShowsWhatTheScriptOfALocalPageMade) {
  const Finished run =
      person_.Sh(std::string(kDump) + " \"file://$PWD/page.html\"", {}, std::chrono::seconds(120));
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.out.find("<p id=\"out\">made-by-42</p>"), std::string::npos) << run.out << run.err;
}

TEST_P(Browser, OpensAPageThatIsServedInsideTheRunAndTakesItsPicture) {
  const Finished run = person_.Sh(
      "/usr/bin/python3 -u -m http.server -b 127.0.0.1 8000 >/tmp/http.log 2>&1 & "
      "until grep -q Serving /tmp/http.log || ! kill -0 $!; do sleep 0.1; done; " +
          std::string(kDump) +
          " http://127.0.0.1:8000/page.html && chromium --headless --no-sandbox --disable-gpu "
          "--screenshot=shot.png --window-size=320,200 http://localhost:8000/page.html >&2 && "
          "head -c 4 shot.png | tail -c 3",
      {}, std::chrono::seconds(180));
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.out.find("<p id=\"out\">made-by-42</p>"), std::string::npos) << run.out << run.err;
  EXPECT_TRUE(run.out.ends_with("PNG")) << run.out;
}

}  // namespace
}  // namespace ambit::testing
