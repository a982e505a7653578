// Made by codegen/vecmath_fit.py: do not edit. Lowest power first.
#pragma once

namespace keratin::vecmath {

/// e^r - 1 = r + r²·q(r) for |r| <= ln 2 / 2; within 2^-25.78.
inline constexpr double kExpF32[] = {0.499999970, 0.166665420, 0.0416672044, 8.36664345e-3, 1.38824317e-3};

/// The same; within 2^-60.1.
inline constexpr double kExpF64[] = {0.50000000000000000,   0.16666666666666677,   0.041666666666666505,
                                     8.3333333333215198e-3, 1.3888888888964270e-3, 1.9841269886464196e-4,
                                     2.4801587169443724e-5, 2.7557243816042017e-6, 2.7557404688512549e-7,
                                     2.5109191479796190e-8, 2.0874889585859775e-9};

/// The same, for f32 results computed in f64; within 2^-26.16.
inline constexpr double kExpMedium[] = {0.49999998131517470, 0.16666542728271491, 0.041667204872163043,
                                        8.3666438316653859e-3, 1.3882431458787392e-3};

/// 2·atanh(s) = 2·s + s·z·q(z), z = s², for s of log(1 + f), 1 + f in [√½, √2]; within 2^-31.1.
inline constexpr double kLogF32[] = {0.666666627, 0.400003374, 0.285372168, 0.235839814};

/// 2·atanh(s) = 2·s + s·z·q(z); within 2^-61.5.
inline constexpr double kLogF64[] = {0.66666666666666663, 0.40000000000006297, 0.28571428569069901,
                                     0.22222222649216214, 0.18181775472093781, 0.15387099182486866,
                                     0.13249929082212744, 0.13253039631119634};

/// 2·atanh(s) = 2·s + s·z·(2/3 + z·q(z)), for a result of two f64; within 2^-66.2.
inline constexpr double kLogDouble[] = {0.39999999999999980, 0.28571428571445218, 0.22222222217510426,
                                        0.18181818873568678, 0.15384556646348094, 0.13336326128815756,
                                        0.11674640808477156, 0.11990498054900435};

/// The same, for f32 results computed in f64; within 2^-52.22.
inline constexpr double kLogMedium[] = {0.66666666666586571, 0.40000000052612322, 0.28571417071490218,
                                        0.22223376024340488, 0.18123497001002992, 0.16821625961068284};

/// sin r = r + r·z·q(z), z = r², for |r| <= π/4; within 2^-56.62.
inline constexpr double kSinF64[] = {-0.16666666666666630,  8.3333333333220384e-3,  -1.9841269829525026e-4,
                                     2.7557313599012071e-6, -2.5050744251426148e-8, 1.5896025644805319e-10};

/// cos r = 1 - z/2 + z²·q(z); within 2^-59.41.
inline constexpr double kCosF64[] = {0.041666666666666595,   -1.3888888888872984e-3, 2.4801587288804951e-5,
                                     -2.7557314165334233e-7, 2.0875698890358062e-9,  -1.1358432905159525e-11};

/// sin, for f32 results computed in f64; within 2^-37.48.
inline constexpr double kSinMedium[] = {-0.16666666640628069, 8.3333292853661773e-3, -1.9839306221276998e-4,
                                        2.7180660108734435e-6};

/// cos, for f32 results computed in f64; within 2^-42.92.
inline constexpr double kCosMedium[] = {0.041666666619337871, -1.3888883485153379e-3, 2.4799455969346188e-5,
                                        -2.7205396246415958e-7};

/// erf x = x + x·q(x²) for |x| <= 1; within 2^-29.03.
inline constexpr double kErfF32[] = {0.128379166,   -0.376126260,   0.112835854,  -0.0268538184,
                                     5.18833660e-3, -8.01026355e-4, 7.85407174e-5};

/// erf x = 1 - e^-q(x) for x in [1, 4], relative to 1; within 2^-28.45.
inline constexpr double kErfTailF32[] = {-2.04435943e-4, 1.12966156,    0.633038759,
                                         0.108640060,    -0.0253743622, 4.28276556e-3,
                                         -4.63899574e-4, 2.53329963e-5, -2.52597630e-7};

/// erf x = x + x·q(x²) for |x| <= 1; within 2^-56.33.
inline constexpr double kErfF64[] = {0.12837916709551259,    -0.37612638903183754,    0.11283791670955126,
                                     -0.026866170645131218,  5.2239776254416389e-3,   -8.5483270234002309e-4,
                                     1.2055332978736985e-4,  -1.4925650231990081e-5,  1.6462110660825664e-6,
                                     -1.6365766569607105e-7, 1.4806002109518076e-8,   -1.2277527407448799e-9,
                                     9.3226031836308874e-11, -6.1931664242449423e-12, 2.8016327361572866e-13};

/// erf x = 1 - e^(-x²)·q(t), t = (x - 3) / (x + 3), for x in [1, 6], relative to 1; within 2^-60.34.
inline constexpr double kErfTailF64[] = {
    0.17900115118138996,    -0.32623356004303722,  0.24560380171233098,   -0.15011593650077371,
    0.071665837198002930,   -0.024392499319018612, 4.2691363253686086e-3, 7.0774638742381556e-4,
    -5.9706200184454392e-4, 4.5257015249819295e-5, 6.4071629053504182e-5, -1.2791460275045799e-5,
    -7.7739039158666444e-6, 2.5286443199773474e-6, 1.7990234696289433e-6, 1.5951822028786668e-7,
    -5.7207862811953006e-8};

/// 2·e^r for |r| <= ln 2 / 2, relative to it; within 2^-13.69.
inline constexpr double kExpBf16[] = {1.99985480, 2.00033069, 1.00996888, 0.331331789};

/// e^r - 1 = r·q(r); within 2^-16.01.
inline constexpr double kExpm1Bf16[] = {0.999984920, 0.500012636, 0.167671978, 0.0416668467};

/// The same; within 2^-11.16.
inline constexpr double kExpm1ShortBf16[] = {1.00004566, 0.503770351, 0.166664943};

/// log(1 + z) = z·q(z) for z in [0, 1]; within 2^-14.1.
inline constexpr double kLog1pBf16[] = {0.999943316, -0.496979803, 0.306309313, -0.157438919, 0.0413525067};

/// tanh x = x·p(x²) / q(x²) for |x| <= 5; below it by up to 2^-13.22.
inline constexpr double kTanhAboveBf16[] = {0.999895215, 0.102406599, 6.70387759e-4};

inline constexpr double kTanhBelowBf16[] = {1.00000000, 0.435425848, 0.0128183132};

/// 1 - erf x = e^(x·q(x)) for x in [0, 4]; within 2^-14.46.
inline constexpr double kErfcBf16[] = {-1.12833512,  -0.636855066,   -0.103198096,
                                       0.0213573519, -2.71612802e-3, 1.54739522e-4};

/// ln 2.
inline constexpr double kLn2Bf16[] = {0.69314718246459961};

/// ln 2; the first part times a whole number up to 2^9 is exact in f32.
inline constexpr double kLn2F32[] = {0.693145751953125, 1.428606765330187e-6};

/// ln 2; likewise, up to 2^11 in f64.
inline constexpr double kLn2F64[] = {0.69314718055989033, 5.4979230187083712e-14};

/// π/2; the first two parts times a whole number up to 2^22 are exact.
inline constexpr double kHalfPi[] = {1.5707963267341256, 6.0771005090144714e-11, -2.5082788063341661e-20};

}  // namespace keratin::vecmath
