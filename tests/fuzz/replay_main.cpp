// Runs the files of a folder through a fuzz harness without libFuzzer: replay CORPUS [FROM]. In the order of
// the names, beginning with number FROM; prints "run NAME" before each file and "ok NAME" after it.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS [FROM]\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (size_t i = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0; i < files.size(); ++i) {
    std::ifstream file(files[i], std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    std::printf("run %s\n", files[i].filename().c_str());
    std::fflush(stdout);
    // A block of exactly the input's size, so that the sanitizer sees a read past its end.
    const auto block = std::make_unique<uint8_t[]>(bytes.size());
    if (!bytes.empty()) std::memcpy(block.get(), bytes.data(), bytes.size());
    LLVMFuzzerTestOneInput(block.get(), bytes.size());
    std::printf("ok %s\n", files[i].filename().c_str());
    std::fflush(stdout);
  }
  return 0;
}
