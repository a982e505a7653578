// What makes dimensions equal that have to be.
#include "frontend/free_lengths.h"

#include <gtest/gtest.h>

#include "ir/text.h"

namespace keratin {
namespace {

const Dim kTaken(1, Symbol("Q"));

/// What is known of the lengths of x [N,T,4] and y [N,T2,4] once the dimensions are equal: "T T2"; empty if nothing makes them so.
std::string united(Dim (*a)(Dim t, Dim t2), Dim (*b)(Dim t, Dim t2)) {
  FreeLengths lengths({"Q"});
  std::vector<Dim> inputs;
  const auto read = [&] {
    lengths.restart();
    inputs = {lengths.next(3, 1), lengths.next(3, 1)};
  };
  read();
  for (int attempt = 0; a(inputs[0], inputs[1]) != b(inputs[0], inputs[1]); ++attempt) {
    if (attempt == 8 || !lengths.unite({a(inputs[0], inputs[1]), b(inputs[0], inputs[1])})) return "";
    read();
  }
  return join(std::vector<std::string>{to_text(inputs[0]), to_text(inputs[1])}, " ");
}

Dim times(Dim dim, int64_t by) { return Dim(dim.coef * by, dim.symbol); }

TEST(FreeLengths, HaveNamesByTheirAxes) {
  FreeLengths lengths({"H"});
  for (int i = 0; i < 2; ++i) {
    lengths.restart();
    EXPECT_EQ(to_text(Shape{lengths.next(2, 1), lengths.next(3, 1), lengths.next(3, 2)}), "[T,T2,F]");
    EXPECT_EQ(to_text(Shape{lengths.next(4, 1), lengths.next(4, 2)}), "[H2,W]");
    EXPECT_EQ(to_text(Shape{lengths.next(5, 1), lengths.next(7, 6)}), "[D,L]");
  }
}

TEST(FreeLengths, AreOneOrMultiplesOfOne) {
  EXPECT_EQ(united([](Dim t, Dim) { return t; }, [](Dim, Dim t2) { return t2; }), "T T");
  EXPECT_EQ(united([](Dim t, Dim) { return times(t, 2); }, [](Dim, Dim t2) { return times(t2, 3); }),
            "3T 2T");
  EXPECT_EQ(
      united([](Dim t, Dim) { return quotient(t, -2, 1); }, [](Dim, Dim t2) { return quotient(t2, -2, 1); }),
      "T T");
  EXPECT_EQ(united([](Dim t, Dim) { return quotient(t, 1, 2); }, [](Dim, Dim t2) { return t2; }), "2T T");
  EXPECT_EQ(united([](Dim t, Dim) { return t; }, [](Dim, Dim t2) { return quotient(t2, 2, 3); }), "T 3T");
  EXPECT_EQ(united([](Dim t, Dim) { return at_most(t, 5); }, [](Dim, Dim t2) { return at_most(t2, 5); }),
            "T T");
  EXPECT_EQ(united([](Dim t, Dim) { return t; }, [](Dim, Dim) { return kTaken; }), "Q T2");
}

TEST(FreeLengths, AreMultiplesWhereWhatIsDividedComesBack) {
  EXPECT_EQ(united([](Dim t, Dim) { return t; }, [](Dim t, Dim) { return times(quotient(t, 0, 2), 2); }),
            "2T T2");
  EXPECT_EQ(united([](Dim t, Dim) { return quotient(t, 0, 2); },
                   [](Dim t, Dim) { return times(quotient(t, 0, 8), 4); }),
            "8T T2");
  EXPECT_EQ(united([](Dim t, Dim) { return t; }, [](Dim t, Dim) { return times(quotient(t, 6, 7), 7); }),
            "7T T2");
}

TEST(FreeLengths, AreNumbersWhereTheOtherIs) {
  EXPECT_EQ(united([](Dim t, Dim) { return t; }, [](Dim, Dim) { return Dim(5); }), "5 T2");
  EXPECT_EQ(united([](Dim, Dim) { return Dim(6); }, [](Dim t, Dim) { return times(t, 2); }), "3 T2");
}

TEST(FreeLengths, AreNotChangedInVain) {
  EXPECT_EQ(united([](Dim t, Dim) { return t; }, [](Dim t, Dim) { return quotient(t, 1, 1); }), "");
  EXPECT_EQ(united([](Dim t, Dim) { return t; }, [](Dim t, Dim) { return times(t, 2); }), "");
  EXPECT_EQ(united([](Dim t, Dim) { return times(t, 2); }, [](Dim, Dim) { return Dim(5); }), "");
  EXPECT_EQ(united([](Dim t, Dim) { return t; }, [](Dim, Dim) { return Dim::batch(); }), "");
  EXPECT_EQ(united([](Dim, Dim) { return kTaken; }, [](Dim, Dim) { return Dim(5); }), "");
}

}  // namespace
}  // namespace keratin
