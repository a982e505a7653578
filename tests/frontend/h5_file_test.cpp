#include "frontend/h5_file.h"

#include "tests/frontend/files.h"

namespace keratin {
namespace {

H5File open(const std::string& name) {
  const std::string path = in_tests(cat("data/h5/", name, ".h5"));
  return parse_h5(read_file(path), path);
}

TEST(H5File, Attributes) {
  const H5File file = open("attributes");
  EXPECT_EQ(*file.text("", "keras_version"), "2.1.0");
  EXPECT_EQ(file.names("model_weights", "layer_names"),
            (std::vector<std::string>{"conv", "dense_long", "out"}));
  EXPECT_TRUE(file.attribute("model_weights/conv", "weight_names")->empty());
  EXPECT_EQ(file.names("model_weights/out", "weight_names"),
            (std::vector<std::string>{"out/kernel", "out/büas"}));
  EXPECT_EQ(file.datasets.count("model_weights/out/out/büas"), 1u);
  EXPECT_EQ(file.text("", "absent"), nullptr);
  EXPECT_EQ(file.text("absent", "name"), nullptr);
  EXPECT_EQ(file.text("model_weights/out", "weight_names"), nullptr);
  EXPECT_TRUE(file.names("absent", "layer_names").empty());
}

TEST(H5File, StrangeTypesAreSkipped) {
  const H5File file = open("dtypes");
  EXPECT_EQ(file.datasets.count("text"), 0u);
  EXPECT_EQ(file.skipped.at("text"), "its elements are neither numbers nor booleans");
  EXPECT_EQ(*file.text("little/bf16", "dtype"), "bfloat16");
}

TEST(H5File, Refused) {
  const std::pair<const char*, const char*> cases[] = {
      {"soft_link", "b: is a soft link"},
      {"external_link", "a: is a link to another file"},
      {"external_storage", "a: keeps its data in another file"},
      {"virtual", "a: is a virtual dataset"},
      {"shape_bomb", "a: has no data for its shape"},
      {"chunk_bomb", "a: holds far more data than the file's size"},
      {"loop", "nested too deep"},
      {"deep", "nested too deep"},
      {"many_paths", "claims bytes beyond the file's size"}};
  for (const auto& [name, part] : cases) {
    expect_error(ErrorKind::data, part, [&] { open(cat("refused_", name)); });
  }
}

TEST(H5File, NoHdf5AtAll) {
  expect_error(ErrorKind::data, "test.h5: not a readable HDF5 file (is empty)",
               [] { parse_h5("", "test.h5"); });
  expect_error(ErrorKind::data, "not a readable HDF5 file",
               [] { parse_h5(std::string(5000, 'x'), "test.h5"); });
}

TEST(H5File, HelperThatIsNotThere) {
  ::setenv("KERATIN_LIBEXEC", "/nonexistent", 1);
  expect_error(ErrorKind::no_input, "keratin-h5, which reads HDF5 files, is not installed",
               [] { open("latest"); });
  ::unsetenv("KERATIN_LIBEXEC");
}

/// What a helper that its file has taken over might do: any program that answers instead.
TEST(H5File, AnswersAreNotBelieved) {
  const TempFolder folder;
  const auto answer = [&](const std::string& script, const std::string& part) {
    write_file(folder / "keratin-h5", "#!/bin/sh\n" + script + "\n");
    std::filesystem::permissions(folder / "keratin-h5", std::filesystem::perms::owner_all);
    expect_error(ErrorKind::data, part, [] { parse_h5("file", "test.h5"); });
  };
  const std::string head = "printf 'KTH5\\002\\000\\000\\000'; printf '";
  const std::string at_a = "\\001\\001\\000\\000\\000a";  // a dataset named a
  ::setenv("KERATIN_LIBEXEC", folder.path().c_str(), 1);
  answer("exit 0", "fails on it");
  answer("printf KTH6xxxxxxxxx", "astray");
  answer(head + "\\011'", "astray");                                           // no such record
  answer(head + "\\005\\001\\000\\000\\000\\000\\000\\000\\000'", "astray");   // a wrong count of records
  answer(head + "\\005\\000\\000\\000\\000\\000\\000\\000\\000x'", "astray");  // something after the end
  answer(head + "\\001\\377\\377\\377\\377'", "astray");                       // a path of 4 GiB
  answer(head + at_a + "\\077\\000'", "astray");                               // no such type
  answer(head + at_a + "\\002\\041'", "astray");                               // rank 33
  answer(head + at_a +
             "\\002\\001\\377\\377\\377\\377\\377\\377\\377\\177\\377\\377\\377\\377\\377\\377\\377\\177'",
         "astray");
  answer(head + at_a +
             "\\002\\001\\002\\000\\000\\000\\000\\000\\000\\000\\003\\000\\000\\000\\000\\000\\000\\000'",
         "astray");
  answer(head + at_a + "\\002'", "fails on it");  // ends within a record
  answer("kill -9 $$", "takes too long");
  answer("kill -SEGV $$", "fails on it");
  answer("exec yes", "astray");
  answer("exec 1>&-; exec sleep 60", "fails on it");  // closes its answer and lives on
  ::unsetenv("KERATIN_LIBEXEC");
}

}  // namespace
}  // namespace keratin
