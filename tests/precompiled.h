// What nearly every test includes, parsed once for all of them (see keratin_precompiled).
#pragma once

#include <gtest/gtest.h>

#include "ir/precompiled.h"
