#include <keratin/keras/layers/preprocessing.h>

#include "frontend/json.h"
#include "frontend/keras/make.h"

namespace keratin::keras::layers {

Layer Rescaling(const Value& scale, const RescalingOptions& o) {
  return make_layer("Rescaling", o.name, o.trainable, {{"scale", scale}, {"offset", o.offset}});
}

Layer Normalization(const NormalizationOptions& o) {
  const Value no_axes = std::vector<Value>();
  return make_layer("Normalization", o.name, o.trainable,
                    {{"axis", o.axis.is_none() ? no_axes : repeated(o.axis, 1)},
                     {"invert", o.invert},
                     {"mean", o.mean},
                     {"variance", o.variance}});
}

Layer Discretization(const Value& bin_boundaries, const DiscretizationOptions& o) {
  return make_layer("Discretization", o.name, true,
                    {{"bin_boundaries", bin_boundaries},
                     {"num_bins", {}},
                     {"epsilon", o.epsilon},
                     {"output_mode", o.output_mode},
                     {"sparse", o.sparse}});
}

Layer CategoryEncoding(int64_t num_tokens, const CategoryEncodingOptions& o) {
  Arguments arguments = {{"num_tokens", num_tokens}, {"output_mode", o.output_mode}};
  // Keras forgets it; here it must be seen to be refused.
  if (o.sparse) arguments.emplace_back("sparse", o.sparse);
  return make_layer("CategoryEncoding", o.name, o.trainable, std::move(arguments));
}

Layer Resizing(int64_t height, int64_t width, const ResizingOptions& o) {
  return make_layer("Resizing", o.name, o.trainable,
                    {{"data_format", o.data_format},
                     {"height", height},
                     {"width", width},
                     {"interpolation", o.interpolation},
                     {"crop_to_aspect_ratio", o.crop_to_aspect_ratio},
                     {"pad_to_aspect_ratio", o.pad_to_aspect_ratio},
                     {"fill_mode", o.fill_mode},
                     {"fill_value", o.fill_value},
                     {"antialias", o.antialias}});
}

Layer CenterCrop(int64_t height, int64_t width, const CenterCropOptions& o) {
  return make_layer("CenterCrop", o.name, o.trainable,
                    {{"data_format", o.data_format}, {"height", height}, {"width", width}});
}

namespace {

/// How many numbers there are with so many special ones; None until there is a vocabulary.
Value vocabulary_size_of(const Value& vocabulary, int64_t special) {
  if (vocabulary.is_none()) return {};
  return special + static_cast<int64_t>(Json::parse(vocabulary.json(), "vocabulary").size());
}

/// The numbers for masked and unknown tokens.
template <typename Options>
int64_t special_of(const Options& o) {
  return (!o.mask_token.is_none() && o.output_mode == "int" ? 1 : 0) + o.num_oov_indices;
}

}  // namespace

Layer Hashing(int64_t num_bins, const HashingOptions& o) {
  return make_layer("Hashing", o.name, o.trainable,
                    {{"num_bins", num_bins},
                     {"mask_value", o.mask_value},
                     {"salt", repeated(o.salt, 2)},
                     {"output_mode", o.output_mode},
                     {"sparse", o.sparse}},
                    o.output_mode == "int" ? "int64" : "float32");
}

Layer HashedCrossing(int64_t num_bins, const HashedCrossingOptions& o) {
  return make_layer("HashedCrossing", o.name, true,
                    {{"num_bins", num_bins}, {"output_mode", o.output_mode}, {"sparse", o.sparse}},
                    o.output_mode == "int" ? "int64" : "float32");
}

Layer IntegerLookup(const IntegerLookupOptions& o) {
  return make_layer("IntegerLookup", o.name, true,
                    {{"max_tokens", o.max_tokens},
                     {"num_oov_indices", o.num_oov_indices},
                     {"mask_token", o.mask_token},
                     {"oov_token", o.oov_token},
                     {"vocabulary", o.vocabulary},
                     {"idf_weights", o.idf_weights},
                     {"invert", o.invert},
                     {"output_mode", o.output_mode},
                     {"sparse", o.sparse},
                     {"pad_to_max_tokens", o.pad_to_max_tokens},
                     {"oov_method", o.oov_method},
                     {"salt", o.salt},
                     {"vocabulary_dtype", "int64"},
                     {"vocabulary_size", vocabulary_size_of(o.vocabulary, special_of(o))}});
}

Layer StringLookup(const StringLookupOptions& o) {
  return make_layer("StringLookup", o.name, true,
                    {{"invert", o.invert},
                     {"max_tokens", o.max_tokens},
                     {"num_oov_indices", o.num_oov_indices},
                     {"oov_token", o.oov_token},
                     {"mask_token", o.mask_token},
                     {"output_mode", o.output_mode},
                     {"sparse", o.sparse},
                     {"pad_to_max_tokens", o.pad_to_max_tokens},
                     {"idf_weights", o.idf_weights},
                     {"vocabulary", o.vocabulary},
                     {"vocabulary_size", vocabulary_size_of(o.vocabulary, special_of(o))},
                     {"encoding", o.encoding},
                     {"oov_method", "floormod"},  // of integers
                     {"salt", o.salt}});
}

Layer TextVectorization(const TextVectorizationOptions& o) {
  const int64_t special = o.output_mode == "int" ? 2 : 1;
  const Value size = vocabulary_size_of(o.vocabulary, special);
  return make_layer("TextVectorization", o.name, true,
                    {{"max_tokens", o.max_tokens},
                     {"standardize", o.standardize},
                     {"split", o.split},
                     {"ngrams", o.ngrams},
                     {"output_mode", o.output_mode},
                     {"output_sequence_length", o.output_sequence_length},
                     {"pad_to_max_tokens", o.pad_to_max_tokens},
                     {"sparse", o.sparse},
                     {"ragged", o.ragged},
                     {"vocabulary", o.vocabulary},
                     {"idf_weights", o.idf_weights},
                     {"encoding", o.encoding},
                     {"vocabulary_size", size.is_none() ? Value(special) : size}});
}

Layer MelSpectrogram(const MelSpectrogramOptions& o) {
  return make_layer(
      "MelSpectrogram", o.name, o.trainable,
      {{"fft_length", o.fft_length},
       {"sequence_stride", o.sequence_stride},
       {"sequence_length", o.sequence_length.is_none() ? Value(o.fft_length) : o.sequence_length},
       {"window", o.window},
       {"sampling_rate", o.sampling_rate},
       {"num_mel_bins", o.num_mel_bins},
       {"min_freq", o.min_freq},
       {"max_freq", o.max_freq.is_none() ? Value(o.sampling_rate / 2) : o.max_freq},
       {"power_to_db", o.power_to_db},
       {"top_db", o.top_db},
       {"mag_exp", o.mag_exp},
       {"min_power", o.min_power},
       {"ref_power", o.ref_power}});
}

Layer STFTSpectrogram(const STFTSpectrogramOptions& o) {
  return make_layer("STFTSpectrogram", o.name, o.trainable,
                    {{"mode", o.mode},
                     {"frame_length", o.frame_length},
                     {"frame_step", o.frame_step},
                     {"fft_length", o.fft_length},
                     {"window", o.window},
                     {"periodic", o.periodic},
                     {"scaling", o.scaling},
                     {"padding", o.padding},
                     {"expand_dims", o.expand_dims},
                     {"data_format", o.data_format}});
}

Layer MaxNumBoundingBoxes(int64_t max_number, const MaxNumBoundingBoxesOptions& o) {
  return make_layer("MaxNumBoundingBoxes", o.name, o.trainable,
                    {{"max_number", max_number}, {"data_format", o.data_format}});
}

}  // namespace keratin::keras::layers
