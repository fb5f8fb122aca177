// SPDX-License-Identifier: Apache-2.0

package slhdsa

import "github.com/genbu-hsm/genbu/key"

// From NIST ACVP, SLH-DSA-sigGen-FIPS205.
var (
	katSHA2128f = kat{ // tcId 1
		set: key.SLHDSASHA2128f,
		secret: "d5213ba4bb6470f1b9eda88cbc94e6277a58a951ef7f2b81461dbac41b5a6b83fa495fb834defea7cc96a81309479135a67029e90668c5a58b96" +
			"e60111491f3d",
		msg:       "3f",
		context:   "",
		sigDigest: "d3537e05ae63876bf78015ff86cc9e284f91cabfac191298fbaa375596351d55",
	}
	katSHA2192f = kat{ // tcId 24
		set: key.SLHDSASHA2192f,
		secret: "5e47d254b8d240af51d0a567ed7ef94be131b7f67cf44c3ec3f806dc7ecd80caf79b72d2fafefae7d62e5f9adf1fe8493d7ed5a76c06a7cbeb46" +
			"52980e3295056bf279e544c485af4f07b565ec2615f011e1e59515be094ea9809e7677d48221",
		msg: "35",
		context: "9909d5fed3bfecf02c49b745530a86a88ff7c4adf4ed2f3ac582e3d939ef64778bc23e1f597218ececb7b3b99ac64c10a35af1f5cc1f74d7282f" +
			"71ecabd8a7e002520b9f1a2a0380ec91cc69c45769376e8eb2e0cf67c99761584a5df3047db920781103feba9f563ac15c96b6d630738c64f029" +
			"91c75813550a5ab9813d4249288340f4cbf59b5fb844a8287b1fa1bc12cc9a",
		sigDigest: "7bae0bf44a8d2b094875c10ff181d3e818bb7c9e9e991322940e9d159b5b00d2",
	}
	katSHAKE128f = kat{ // tcId 60
		set: key.SLHDSASHAKE128f,
		secret: "23b67d76f712bf69bc11504b6916ae4dd803898f16023470bc7be16ecb4f94b2c0220d26f040f499d209385b8ef3387ce96c94ede698a703ea58" +
			"27e96d37bafa",
		msg:       "45",
		context:   "63816b7d09879fa1b60090deabe230e316fc9654a9b6e07af1bf498a92a3b737e4dd5ac4c994cb74a6a0d597d7060c9378d12205e3e378be",
		sigDigest: "9a251374a67bca2b95aa583195650dea4017d2c05e4fa12c81bbe6e7930edf4d",
	}
)
