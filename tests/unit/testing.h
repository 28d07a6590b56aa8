// What every unit test includes: cmocka, and a few shapes that the tests share.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// Its macro fail() would break <ios>: whatever includes that stands above.
extern "C" {
#include <cmocka.h>
}

#include "tests/blocks.h"
