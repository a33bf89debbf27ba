"""Places and languages in genre names, and what they make of a head: data only, read by genre.py.

A region is here when it has a family of its own ("argentine rock" is `latin-rock`, "thai pop" is
`asian-pop`) or styles that the table counts as `world`. Sweden, France or Germany change nothing:
their rock is rock. Romance words stand behind their noun, so they tell the order of the name:
"rap francais", "musica mexicana".
"""

from __future__ import annotations

# Adjectives and names as English puts them: before the head.
PLACES: dict[str, str] = {
    "latin": """
        latin, latin american, latinx, hispanic, spanish language, chicano, argentine, argentinian, argentina,
        chilean, chile, colombian, colombia, peruvian, peru, venezuelan, venezuela, ecuadorian, ecuador, bolivian,
        bolivia, uruguayan, uruguay, paraguayan, paraguay, guatemalan, guatemala, costa rican, costa rica, panamanian,
        panama, salvadoran, honduran, nicaraguan, central american, south american, rioplatense, spanish, spain,
        catalan, basque, galician, andalusian, madrid, barcelona, bogota, medellin, buenos aires, cordoba, rock en tu
        idioma""",
    "mexican": "mexican, mexico, mexico city, sonoran, monterrey, guadalajara, sinaloa, jalisco",
    "caribbean": """
        cuban, cuba, afro cuban, puerto rican, puerto rico, dominican, caribbean, west indian, haitian, antillean,
        trinidadian, bajan, nuyorican, boricua, barranquilla""",
    "brazil": """
        brazilian, brazil, brasil, carioca, bahian, bahia, rio de janeiro, sao paulo, recife, brasilia, curitiba, belo
        horizonte, bh, minas""",
    "asia": """
        korean, korea, japanese, japan, chinese, china, taiwanese, taiwan, cantonese, mandarin, hong kong, thai,
        thailand, indonesian, indonesia, vietnamese, vietnam, malaysian, malay, malaysia, filipino, philippine,
        pinoy, opm, singaporean, singapore, khmer, cambodian, burmese, lao, asian, east asian, tokyo, osaka, seoul,
        okinawan, bisaya, visayan, cebuano, ilocano, ilonggo, tagalog, minang, sunda, batak, aceh, jawa, melayu,
        indo, viet, hmong, karen, shan, hakka, hokkien, teochew, hainan, shanghai, beijing, peking, sichuan,
        shaoxing, yunnan, henan, fujian, chengdu, taipei, jakarta, bandung, manila, bangkok, saigon, hanoi, ainu,
        ryukyu, uchinanchu, bruneian, east timorese, k, j, c, t, v, p""",
    "africa": """
        african, africa, afro, nigerian, nigeria, ghanaian, ghana, kenyan, kenya, south african, tanzanian, ugandan,
        congolese, congo, malian, mali, senegalese, ethiopian, cameroonian, ivorian, angolan, mozambican, zimbabwean,
        zambian, cape verdean, rwandan, west african, east african, naija, sa, gabonese, guinean, somali, sudanese,
        malagasy, botswanan, namibian, swahili, yoruba, igbo, togolese, beninese, burkinabe, chadian, nigerien,
        liberian, sierra leonean, gambian, eritrean, djiboutian, burundian, malawian, lesotho, basotho, swazi,
        mauritian, comorian, equatoguinean, zim, xhosa, zulu, sotho, tswana, tsonga, xitsonga, sepedi, venda, ndebele,
        shona, wolof, hausa, amharic, tigrinya, oromo, lingala, kikuyu, luo, twi, ewe, fula, bambara, dogon, pygmy,
        township, lagos, accra, nairobi, johannesburg, durban, kinshasa""",
    "celtic": """
        celtic, irish, scottish, welsh, breton, gaelic, manx, cymraeg, hebridean, northumbrian, cornish""",
    "world": """
        indian, hindi, punjabi, desi, tamil, telugu, malayalam, kannada, marathi, bengali, bangla, assamese, odia,
        gujarati, rajasthani, nepali, sri lankan, sinhala, pakistani, afghan, persian, iranian, arab, arabic,
        egyptian, lebanese, moroccan, algerian, tunisian, libyan, iraqi, syrian, palestinian, saudi, turkish,
        anatolian, kurdish, armenian, georgian, azeri, azerbaijani, uzbek, kazakh, kyrgyz, turkmen, tatar, mongolian,
        tibetan, balkan, greek, bulgarian, serbian, bosnian, croatian, macedonian, albanian, kosovan, romanian,
        israeli, hebrew, yiddish, jewish, sephardic, romani, hawaiian, polynesian, samoan, tongan, maori, pacific,
        fijian, melanesian, native american, first nations, inuit, sami, aboriginal, indigenous, andean, middle
        eastern, oriental, maghreb, berber, kabyle, tuareg, sahrawi, silk road, himalayan, bhojpuri, haryanvi,
        javanese, sundanese, balinese, faroese traditional, basque traditional, caucasian, chechen, cypriot, maltese,
        anglo indian, south asian, central asian, mappila, vaishnav, llanero, quechua, mapuche, altiplano, papuan,
        tahitian, micronesian, vanuatu, kanak, marshallese, chamorro, tuvan, chuvash, bashkir, buryat, yakut, kalmyk,
        ossetian, circassian, abkhaz, dagestani, tajik, uyghur, pashto, balochi, sindhi, kashmiri, garhwali, kumaoni,
        konkani, tulu, santali, nagpuri, manipuri, mizo, naga, maithili, chhattisgarhi, dogri, bhutanese, maldivian,
        burushaski, yemeni, omani, kuwaiti, emirati, qatari, bahraini, jordanian, khaleeji, bedouin, druze, assyrian,
        aramaic, moldovan, karelian, xinjiang, turkic, turkce, kavkaz, navajo, cherokee, lakota, inupiat, garifuna,
        guarani, aymara, nahua, zapotec, sardinian, corsican traditional""",
    "": """
        british, uk, english, american, us, swedish, norwegian, danish, finnish, icelandic, german, austrian, swiss,
        dutch, belgian, french, italian, portuguese, polish, czech, slovak, hungarian, russian, ukrainian, belarusian,
        lithuanian, latvian, estonian, slovenian, canadian, quebec, australian, aussie, new zealand, nz, nordic,
        slavic, european, euro, flemish, london, manchester, scandinavian, baltic, soviet, scandi, vienna, indiana,
        carolina, antigua, oceania""",
}

# Words of Spanish, Portuguese, French and Italian that follow their noun.
ROMANCE_PLACES: dict[str, str] = {
    "latin": """
        latino, latinoamericano, argentino, chileno, colombiano, peruano, venezolano, ecuatoriano, boliviano,
        uruguayo, paraguayo, guatemalteco, costarricense, panameno, salvadoreno, hondureno, nicaraguense, espanol,
        espana, en espanol, en castellano, catala, vasco, euskal, gallego, galego, andaluz, nacional, romantico,
        urbano, alternativo, independiente, tropical, progresivo, psicodelico, clasico, portena, santafesino, villero,
        hispano, del sur, valenciano, madrileno, tico, rioplatense, colombianito, ibero, chapin, nica, catracho,
        charrua, cafetero, platense, bonaerense, paisa""",
    "mexican": """
        mexicano, mexicana, mexica, norteno, sinaloense, sonorense, tapatio, regio, veracruzano, jarocho, de mexico,
        oaxaqueno, yucateco, michoacano, potosino, tabasqueno, chiapaneco, guerrerense, hidalguense,
        poblano, duranguense,
        jalisciense, zacatecano, calentano, istmeno, huasteco, bajacaliforniano, costeno""",
    "caribbean": "cubano, puertorriqueno, boricua, dominicano, caribeno, antillano, haitiano, haitien",
    "brazil": """
        brasileiro, brasileno, paulista, mineiro, carioca, gaucho, baiano, nordestino, pernambucano, paraense,
        universitario, capixaba, cearense, brasiliense, catarinense, potiguar, nortista, sergipano, alagoano, goiano,
        paraibano, campineiro, antigo, das antigas, lgbtq brasileira""",
    "asia": "coreano, japones, chino, asiatico, tailandes",
    "africa": """
        africano, criolo, crioulo, africaine, africain, angolano, mocambicano, zairois, congolais, congolaise,
        ivoirien, ivoirienne,
        senegalais, camerounais, mandingue""",
    "world": """
        andino, altiplanico, arabe, turco, marocain, maroc, algerien, tunisien, israelite, balkanico, indio,
        sahraoui""",
    "": """
        francais, francaise, quebecois, quebecoise, italiano, portugues, portuguesa, belge, suisse, aleman, ingles,
        napoletano, romano, milanese, siciliano, sarda, urbaine, urbain, romand, corse, occitan, antillais, nouvelle,
        acadien, marseille, wallon, polonais, russe, bourgeois, classique, alternatif, electronico, eletronico,
        elettronico, electronique""",
}

# Little words that only such names have.
ROMANCE_WORDS = (
    "en, de, del, por, per, da, do, du, des, el, los, las, y, et, musica, musique, com, con, para, sur, dei, della, "
    "al, ao"
)

# What stands alone: "mexican", "musica cubana". With the weight of a hint.
REGION_FAMILY: dict[str, str] = {
    "latin": "latin-pop",
    "mexican": "regional-mexican",
    "caribbean": "tropical",
    "brazil": "brazilian",
    "asia": "asian-pop",
    "africa": "african",
    "celtic": "folk",
    "world": "world",
    "elsewhere": "world",
}

_LATIN = {"pop": "latin-pop", "rnb-soul": "latin-pop", "songwriter": "latin-pop", "rock": "latin-rock",
          "alternative": "latin-rock", "hip-hop": "latin-urban", "ballad": "latin-pop",
          "traditional": "world", "song": "latin-pop", "ensemble": "latin-pop"}  # fmt: skip

# What a region makes of a head; a head that is not named here stays what it is ("latin jazz" is jazz).
REGIONAL: dict[str, dict[str, str]] = {
    "latin": _LATIN,
    "mexican": {**_LATIN, "song": "regional-mexican", "ensemble": "regional-mexican"},
    "caribbean": {**_LATIN, "song": "tropical", "ensemble": "tropical"},
    "elsewhere": {"traditional": "world"},
    "brazil": dict.fromkeys(
        ("pop", "rock", "alternative", "rnb-soul", "songwriter", "hip-hop", "folk", "country", "world", "traditional",
         "boogie", "song", "latin-pop", "latin-rock", "latin-urban"), "brazilian"),
    "asia": {"traditional": "world", "opera": "world", **dict.fromkeys(
        ("pop", "rock", "alternative", "rnb-soul", "songwriter", "hip-hop", "latin-pop", "ballad",
         "song"), "asian-pop")},
    "africa": dict.fromkeys(
        ("pop", "rnb-soul", "songwriter", "folk", "traditional", "tropical", "guitar", "jive", "song"), "african"),
    "celtic": {"ballad": "folk"},
    "world": {"folk": "world", "classical": "world", "song": "world", "traditional": "world",
              "guitar": "world", "opera": "world"},
}  # fmt: skip

# Endings of words that are in no list ("krautrock", "mathgrind"), longest first, with what they mean.
ENDINGS: tuple[tuple[str, str], ...] = (
    ("violence", "powerviolence"),
    ("tronica", "electronic"),
    ("tronics", "electronic"),
    ("techno", "techno"),
    ("trance", "trance"),
    ("reggae", "reggae"),
    ("cumbia", "cumbia"),
    ("metal", "metal"),
    ("grass", "bluegrass"),
    ("disco", "disco"),
    ("swing", "swing"),
    ("grind", "grindcore"),
    ("billy", "rockabilly"),
    ("rock", "rock"),
    ("punk", "punk"),
    ("jazz", "jazz"),
    ("folk", "folk"),
    ("funk", "funk"),
    ("soul", "soul"),
    ("step", "dubstep"),
    ("wave", "synthwave"),
    ("gaze", "shoegaze"),
    ("core", "core"),
    ("kore", "core"),
    ("bass", "bass"),
    ("beats", "electronic"),
    ("beat", "electronic"),
    ("trap", "trap"),
    ("drill", "drill"),
    ("synth", "electronic"),
    ("vapour", "electronic"),
    ("vapor", "electronic"),
    ("clash", "electroclash"),
    ("hop", "hip hop"),
    ("pop", "pop"),
    ("rap", "rap"),
    ("tek", "techno"),
)
# Endings that too many other words have ("boston", "alaska", "coffeehouse"): behind a listed word only.
JOINED_ENDS: tuple[tuple[str, str], ...] = (
    ("ton", "reggaeton"), ("ska", "ska"), ("house", "house"), ("dub", "dub"), ("bop", "bebop"), ("blues", "blues"),
    ("goth", "goth"),
)  # fmt: skip
