// Layers that turn raw inputs into numbers to compute with.
#pragma once

#include <keratin/keras/layer.h>

namespace keratin::keras::layers {

struct RescalingOptions {
  Value offset = 0.0;
  std::string name = {};
  bool trainable = true;
};
/// x · scale + offset: [N,…] → [N,…]. Both are a number, or a list that is broadcast.
Layer Rescaling(const Value& scale, const RescalingOptions& options = {});

struct NormalizationOptions {
  Value axis = -1;  ///< that have a mean each: one, several, or None
  Value mean = {};  ///< a number or a list
  Value variance = {};
  bool invert = false;  ///< x · √variance + mean
  std::string name = {};
  bool trainable = true;
};
/// (x − mean) / √variance: [N,…] → [N,…].
Layer Normalization(const NormalizationOptions& options = {});

/// Keras has no `trainable` for it.
struct DiscretizationOptions {
  double epsilon = 0.01;
  std::string output_mode = "int";  ///< or "one_hot", "multi_hot", "count"
  bool sparse = false;
  std::string name = {};
};
/// How many of the boundaries, which ascend, are not above each element: [N,…] → [N,…], integers.
Layer Discretization(const Value& bin_boundaries, const DiscretizationOptions& options = {});

struct CategoryEncodingOptions {
  std::string output_mode = "multi_hot";  ///< or "one_hot", "count"
  bool sparse = false;
  std::string name = {};
  bool trainable = true;
};
/// Which integers below `num_tokens` are in a row: [N,d] → [N,num_tokens].
Layer CategoryEncoding(int64_t num_tokens, const CategoryEncodingOptions& options = {});

struct ResizingOptions {
  std::string interpolation = "bilinear";  ///< or "nearest", "bicubic", "lanczos3", "lanczos5"
  bool crop_to_aspect_ratio = false;
  bool pad_to_aspect_ratio = false;
  std::string fill_mode = "constant";
  double fill_value = 0.0;
  bool antialias = false;
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// [N,h,w,c] → [N,height,width,c].
Layer Resizing(int64_t height, int64_t width, const ResizingOptions& options = {});

struct CenterCropOptions {
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// The middle of each image: [N,h,w,c] → [N,height,width,c].
Layer CenterCrop(int64_t height, int64_t width, const CenterCropOptions& options = {});

struct HashingOptions {
  Value mask_value = {};            ///< integers that get bin 0 of their own
  Value salt = {};                  ///< one integer or two
  std::string output_mode = "int";  ///< or "one_hot", "multi_hot", "count"
  bool sparse = false;
  std::string name = {};
  bool trainable = true;
};
/// The bin of each integer, by the hash of its decimal text: [N,…] → [N,…].
Layer Hashing(int64_t num_bins, const HashingOptions& options = {});

/// Keras has no `trainable` for it.
struct HashedCrossingOptions {
  std::string output_mode = "int";  ///< or "one_hot"
  bool sparse = false;
  std::string name = {};
};
/// The bin of several integers together, of [N] or [N,1] each.
Layer HashedCrossing(int64_t num_bins, const HashedCrossingOptions& options = {});

/// Keras has no `trainable` for it.
struct IntegerLookupOptions {
  Value max_tokens = {};
  int64_t num_oov_indices = 1;  ///< how many numbers are for unknown integers
  Value mask_token = {};
  Value oov_token = -1;
  Value vocabulary = {};            ///< a list of integers
  Value idf_weights = {};           ///< for "tf_idf"
  bool invert = false;              ///< from numbers to integers
  std::string output_mode = "int";  ///< or "one_hot", "multi_hot", "count", "tf_idf"
  bool sparse = false;
  bool pad_to_max_tokens = false;
  std::string oov_method = "floormod";  ///< or "farmhash"
  Value salt = {};                      ///< of farmhash
  std::string name = {};
  bool trainable = true;
};
/// The place of each integer in a vocabulary, behind those for masked and unknown ones: [N,…] → [N,…].
Layer IntegerLookup(const IntegerLookupOptions& options = {});

/// Keras has no `trainable` for it.
struct StringLookupOptions {
  Value max_tokens = {};
  int64_t num_oov_indices = 1;  ///< how many numbers are for unknown strings
  Value mask_token = {};
  Value oov_token = "[UNK]";
  Value vocabulary = {};   ///< a list of strings; what is looked up is not learned here: there is no adapt()
  Value idf_weights = {};  ///< for "tf_idf"
  bool invert = false;     ///< refused when the layer is called: models give numbers
  std::string output_mode = "int";  ///< or "one_hot", "multi_hot", "count", "tf_idf"
  bool pad_to_max_tokens = false;
  bool sparse = false;
  std::string encoding = "utf-8";
  Value salt = {};
  std::string name = {};
};
/// The place of each string in a vocabulary, behind those for masked and unknown ones: [N,…] → [N,…]. It is called on an Input whose
/// dtype is "string".
Layer StringLookup(const StringLookupOptions& options = {});

struct TextVectorizationOptions {
  Value max_tokens = {};
  Value standardize = "lower_and_strip_punctuation";  ///< or "lower", "strip_punctuation", None
  Value split = "whitespace";                         ///< or "character", None
  Value ngrams = {};                                  ///< up to a number of tokens, or those of a list
  std::string output_mode = "int";                    ///< or "multi_hot", "count", "tf_idf"
  Value output_sequence_length = {};                  ///< needed for "int": lengths are fixed
  bool pad_to_max_tokens = false;
  Value vocabulary = {};
  Value idf_weights = {};  ///< for "tf_idf"
  bool sparse = false;
  bool ragged = false;
  std::string encoding = "utf-8";
  std::string name = {};
};
/// The places of a text's words in a vocabulary: [N] or [N,1] → [N,output_sequence_length], or how often each occurs. It is called on
/// an Input whose dtype is "string".
Layer TextVectorization(const TextVectorizationOptions& options = {});

struct MelSpectrogramOptions {
  int64_t fft_length = 2048;
  int64_t sequence_stride = 512;
  Value sequence_length = {};  ///< None: fft_length
  Value window = "hann";       ///< or "hamming", or a list
  int64_t sampling_rate = 16000;
  int64_t num_mel_bins = 128;
  double min_freq = 20.0;
  Value max_freq = {};  ///< None: half of sampling_rate
  bool power_to_db = true;
  double top_db = 80.0;
  double mag_exp = 2.0;
  double min_power = 1e-10;
  double ref_power = 1.0;
  std::string name = {};
  bool trainable = true;
};
/// The power in bands of the mel scale: [N,time] → [N,num_mel_bins,frames].
Layer MelSpectrogram(const MelSpectrogramOptions& options = {});

struct STFTSpectrogramOptions {
  std::string mode = "log";  ///< or "magnitude", "psd", "real", "imag", "angle", "stft"
  int64_t frame_length = 256;
  Value frame_step = {};  ///< None: half of frame_length
  Value fft_length = {};  ///< None: the next power of two
  Value window = "hann";
  bool periodic = false;
  Value scaling = "density";      ///< or "spectrum", None
  std::string padding = "valid";  ///< or "same"
  bool expand_dims = false;
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// The spectra of frames: [N,time,c] → [N,frames,c·frequencies]. Its waves are weights, which a model file has.
Layer STFTSpectrogram(const STFTSpectrogramOptions& options = {});

struct MaxNumBoundingBoxesOptions {
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Gives images back: boxes that Keras takes beside them are not supported.
Layer MaxNumBoundingBoxes(int64_t max_number, const MaxNumBoundingBoxesOptions& options = {});

}  // namespace keratin::keras::layers
