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
        idioma, seville, sevilla, granada, malaga, valencia, murcia, bilbao, zaragoza, galicia, asturias, cantabria,
        aragon, euskadi, euskera, catalonia, catalunya, mallorca, tenerife, canary islands, extremadura, navarra,
        castilla, andalucia, cadiz, santander, salamanca, alicante, toledo, caracas, maracaibo, merida, cartagena,
        pereira, manizales, bucaramanga, quito, guayaquil, lima, arequipa, cusco, trujillo, cochabamba, asuncion,
        montevideo, rosario, mendoza, tucuman, mar del plata, patagonia, santiago, valparaiso, concepcion,
        antofagasta, managua, tegucigalpa, el salvador, honduras, nicaragua, latin america, south america, central
        america""",
    "mexican": """
        mexican, mexico, mexico city, sonoran, monterrey, guadalajara, sinaloa, jalisco, cdmx, oaxaca, veracruz,
        tamaulipas, morelos, guanajuato, gto, puebla, queretaro, chihuahua, coahuila, durango, nayarit, michoacan,
        guerrero, tabasco, chiapas, yucatan, campeche, quintana roo, hidalgo, tlaxcala, zacatecas, aguascalientes, san
        luis potosi, colima, baja california, sonora, juarez, tijuana, mazatlan, toluca, cancun, saltillo, torreon,
        mexicali, hermosillo, culiacan, acapulco""",
    "caribbean": """
        cuban, cuba, afro cuban, puerto rican, puerto rico, dominican, nuyorican, boricua, barranquilla""",
    "islands": """
        caribbean, west indian, haitian, haiti, antillean, trinidadian, trinidad, bajan, barbadian, bahamian,
        grenadian, vincentian, st lucian, guadeloupe, martinique, guyanese, surinamese, curacao, aruban, belizean,
        antilliaanse""",
    "brazil": """
        brazilian, brazil, brasil, carioca, bahian, bahia, rio de janeiro, sao paulo, recife, brasilia, curitiba, belo
        horizonte, bh, minas,
        minas gerais, rio grande do sul, pernambuco, parana, santa catarina, ceara, maranhao, goias, goiania,
        amazonas, manaus, belem, fortaleza, salvador, porto alegre, florianopolis, paraiba, piaui, mato grosso,
        sergipe, alagoas, espirito santo, campinas, guarulhos, niteroi""",
    "asia": """
        korean, korea, japanese, japan, chinese, china, taiwanese, taiwan, cantonese, mandarin, hong kong, thai,
        thailand, indonesian, indonesia, vietnamese, vietnam, malaysian, malay, malaysia, filipino, philippine,
        pinoy, opm, singaporean, singapore, khmer, cambodian, burmese, lao, asian, east asian, tokyo, osaka, seoul,
        okinawan, bisaya, visayan, cebuano, ilocano, ilonggo, tagalog, minang, sunda, batak, aceh, jawa, melayu,
        indo, viet, hmong, karen, shan, hakka, hokkien, teochew, hainan, shanghai, beijing, peking, sichuan,
        shaoxing, yunnan, henan, fujian, chengdu, taipei, jakarta, bandung, manila, bangkok, saigon, hanoi, ainu,
        ryukyu, uchinanchu, bruneian, east timorese, bogor, semarang, yogyakarta, jogja, surabaya,
        medan, makassar, malang, cebu, davao, wuhan, guangzhou, shenzhen, nanjing, hangzhou, chongqing, tianjin,
        guangdong, macau, kaohsiung, tainan, hokkaido, kansai, kyushu, kyoto, nagoya, fukuoka, sapporo, yokohama,
        okinawa, busan, daegu, incheon, chiang mai, isan, penang, kuala lumpur, sabah, sarawak, myanmar, laos,
        cambodia, phnom penh, yangon, brunei, southeast asian, k, j, c, t, v, p""",
    "africa": """
        african, africa, afro, nigerian, nigeria, ghanaian, ghana, kenyan, kenya, south african, tanzanian, ugandan,
        congolese, congo, malian, mali, senegalese, ethiopian, cameroonian, ivorian, angolan, mozambican, zimbabwean,
        zambian, cape verdean, rwandan, west african, east african, naija, sa, gabonese, guinean, somali, sudanese,
        malagasy, botswanan, namibian, swahili, yoruba, igbo, togolese, beninese, burkinabe, chadian, nigerien,
        liberian, sierra leonean, gambian, eritrean, djiboutian, burundian, malawian, lesotho, basotho, swazi,
        mauritian, comorian, equatoguinean, zim, xhosa, zulu, sotho, tswana, tsonga, xitsonga, sepedi, venda, ndebele,
        shona, wolof, hausa, amharic, tigrinya, oromo, lingala, kikuyu, luo, twi, ewe, fula, bambara, dogon, pygmy,
        township, lagos, accra, nairobi, johannesburg, durban, kinshasa,
        botswana, sesotho, setswana, tigrigna, tigray, namibia, zambia, malawi, rwanda, burundi, uganda, tanzania,
        zimbabwe, angola, senegal, cameroon, ivory coast, gabon, togo, benin, mauritanian, mauritania, guinea bissau,
        gambia, liberia, sierra leone, somalia, somaliland, sudan, ethiopia, eritrea, madagascar, mauritius, comoros,
        cape verde, abidjan, dakar, bamako, harare, lusaka, kampala, addis ababa, luanda, maputo, soweto, galsen""",
    "celtic": """
        celtic, irish, scottish, welsh, breton, gaelic, manx, cymraeg, hebridean, northumbrian, cornish""",
    "world": """
        indian, hindi, punjabi, desi, tamil, telugu, malayalam, kannada, marathi, bengali, bangla, assamese, odia,
        gujarati, rajasthani, nepali, sri lankan, sinhala, pakistani, afghan, persian, iranian, arab, arabic,
        egyptian, lebanese, moroccan, algerian, tunisian, libyan, iraqi, syrian, palestinian, saudi, turkish,
        anatolian, kurdish, armenian, georgian, azeri, azerbaijani, uzbek, kazakh, kyrgyz, turkmen, tatar,
        mongolian, tibetan, balkan, greek, bulgarian, serbian, bosnian, croatian, macedonian, albanian, kosovan,
        romanian, israeli, hebrew, yiddish, jewish, sephardic, romani, hawaiian, polynesian, samoan, tongan,
        maori, pacific, fijian, melanesian, native american, first nations, inuit, sami, aboriginal, indigenous,
        andean, middle eastern, oriental, maghreb, berber, kabyle, tuareg, sahrawi, silk road, himalayan,
        bhojpuri, haryanvi, javanese, sundanese, balinese, faroese traditional, basque traditional, caucasian,
        chechen, cypriot, maltese, anglo indian, south asian, central asian, mappila, vaishnav, llanero, quechua,
        mapuche, altiplano, papuan, tahitian, micronesian, vanuatu, kanak, marshallese, chamorro, tuvan, chuvash,
        bashkir, buryat, yakut, kalmyk, ossetian, circassian, abkhaz, dagestani, tajik, uyghur, pashto, balochi,
        sindhi, kashmiri, garhwali, kumaoni, konkani, tulu, santali, nagpuri, manipuri, mizo, naga, maithili,
        chhattisgarhi, dogri, bhutanese, maldivian, burushaski, yemeni, omani, kuwaiti, emirati, qatari, bahraini,
        jordanian, khaleeji, bedouin, druze, assyrian, aramaic, moldovan, karelian, xinjiang, turkic, turkce,
        kavkaz, navajo, cherokee, lakota, inupiat, garifuna, esperanto, hindustani, carnatic, guarani, aymara,
        nahua, zapotec, sardinian, corsican traditional, andalusian classical, anadolu, baluchi, mazandarani,
        gilaki, luri, bakhtiari, talysh, laz, zaza, pontian, pontic, gagauz, siberian, mari, udmurt, komi,
        mordvin, khanty, nenets, evenki, altai, khakas, rusyn, lemko, vlach, aromanian, khorasani, coptic,
        amazigh, riffian, chaoui, moorish, sorbian, kashubian, sorani, kurmanji, papua, png, karadeniz""",
    "": """
        british, uk, english, american, us, swedish, norwegian, danish, finnish, icelandic, german, austrian,
        swiss, dutch, belgian, french, italian, portuguese, polish, czech, slovak, hungarian, russian, ukrainian,
        belarusian, lithuanian, latvian, estonian, slovenian, kansas, asian american, african american, canadian,
        quebec, australian, aussie, new zealand, nz, nordic, slavic, european, euro, flemish, london, manchester,
        scandinavian, baltic, soviet, scandi, vienna, indiana, carolina, antigua, oceania""",
}

# Words of Spanish, Portuguese, French and Italian that follow their noun.
ROMANCE_PLACES: dict[str, str] = {
    "latin": """
        latino, latinoamericano, argentino, chileno, colombiano, peruano, venezolano, ecuatoriano, boliviano,
        uruguayo, paraguayo, guatemalteco, costarricense, panameno, salvadoreno, hondureno, nicaraguense, espanol,
        espana, en espanol, en castellano, catala, vasco, euskal, gallego, galego, andaluz, nacional, romantico,
        urbano, alternativo, independiente, tropical, progresivo, psicodelico, clasico, portena, santafesino, villero,
        hispano, del sur, valenciano, madrileno, tico, rioplatense, colombianito, ibero, chapin, nica, catracho,
        charrua, cafetero, platense, bonaerense, paisa, aragones, asturiano, cantabro, extremeno, canario, murciano,
        granadino, mallorquin, balear, riojano, navarro, castellano, gaditano, bilbaino, cordobes, rosarino,
        mendocino, tucumano, salteno, jujeno, correntino, santiagueno, cuyano, patagonico, pampeano, misionero,
        entrerriano, chubutense, limeno, arequipeno, cusqueno, trujillano, ayacuchano, quiteno, guayaquileno,
        antioqueno, caleno, bogotano, caraqueno, maracucho, zuliano, penquista, santiaguino, montevideano,
        centroamericano, sudamericano, suramericano, iberoamericano""",
    "mexican": """
        mexicano, mexicana, mexica, norteno, sinaloense, sonorense, tapatio, regio, veracruzano, jarocho, de mexico,
        oaxaqueno, yucateco, michoacano, potosino, tabasqueno, chiapaneco, guerrerense, hidalguense,
        poblano, duranguense,
        jalisciense, zacatecano, calentano, istmeno, huasteco, bajacaliforniano, costeno, campechano,
        hidrocalido, sudcaliforniano, tamaulipeco, coahuilense, chihuahuense, guanajuatense, nayarita, colimense,
        morelense, queretano, tlaxcalteca, quintanarroense, tijuanense, mexiquense, chilango, regiomontano""",
    "caribbean": "cubano, puertorriqueno, boricua, dominicano, caribeno",
    "islands": """
        antillano, haitiano, haitien, antillais, caraibes, guadeloupeen, martiniquais, guyanais, reunionnais""",
    "brazil": """
        brasileiro, brasileno, paulista, mineiro, carioca, gaucho, baiano, nordestino, pernambucano, paraense,
        universitario, capixaba, cearense, brasiliense, catarinense, potiguar, nortista, sergipano, alagoano, goiano,
        paraibano, campineiro, curitibano, antigo, das antigas, lgbtq brasileira""",
    "asia": "coreano, japones, chino, asiatico, tailandes",
    "africa": """
        africano, criolo, crioulo, africaine, africain, angolano, mocambicano, zairois, congolais, congolaise,
        ivoirien, ivoirienne,
        senegalais, camerounais, mandingue, malien, ivoire, gabonais, togolais, beninois, guineen, tchadien, malgache,
        comorien, comorienne, mauricien, santomense, guineense, cabo verdiano, caboverdiano""",
    "world": """
        andino, altiplanico, arabe, turco, marocain, maroc, algerien, tunisien, israelite, balkanico, indio,
        sahraoui, corse, sarda, occitan, afroperuano, afrocolombiano, indigena""",
    "": """
        francais, francaise, quebecois, quebecoise, italiano, portugues, portuguesa, belge, suisse, aleman,
        ingles, napoletano, romano, milanese, siciliano, urbaine, urbain, romand, nouvelle, londinense, portuense,
        estadounidense, acadien, marseille, wallon, polonais, russe, bourgeois, classique, alternatif,
        electronico, eletronico, elettronico, electronique""",
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
    "islands": "tropical",
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
    "islands": {"traditional": "world", **dict.fromkeys(("pop", "dance", "song", "ensemble"), "tropical")},
    "elsewhere": {"traditional": "world"},
    "brazil": dict.fromkeys(
        ("pop", "rock", "alternative", "rnb-soul", "songwriter", "hip-hop", "folk", "country", "world", "traditional",
         "boogie", "song", "latin-pop", "latin-rock", "latin-urban"), "brazilian"),
    "asia": {"traditional": "world", "opera": "world", **dict.fromkeys(
        ("pop", "rock", "alternative", "rnb-soul", "songwriter", "hip-hop", "latin-pop", "ballad",
         "song"), "asian-pop")},
    "africa": dict.fromkeys(
        ("pop", "rnb-soul", "songwriter", "folk", "traditional", "tropical", "guitar", "jive", "song", "instrument"),
        "african"),
    "celtic": dict.fromkeys(("ballad", "dance", "instrument"), "folk"),
    "world": {"folk": "world", "classical": "world", "song": "world", "traditional": "world",
              "guitar": "world", "opera": "world", "instrument": "world"},
}  # fmt: skip

# Endings of words that are in no list ("krautrock", "mathgrind"), longest first, with what they mean.
ENDINGS: tuple[tuple[str, str], ...] = (
    ("violence", "powerviolence"),
    ("dancehall", "dancehall"),
    ("orchester", "orchestra"),
    ("orkester", "orchestra"),
    ("flamenco", "flamenco"),
    ("minimal", "minimal"),
    ("ambient", "ambient"),
    ("electro", "electro"),
    ("thrash", "thrash"),
    ("fusion", "fusion"),
    ("orkest", "orchestra"),
    ("gospel", "gospel"),
    ("tronica", "electronic"),
    ("tronic", "electronic"),
    ("tronics", "electronic"),
    ("techno", "techno"),
    ("trance", "trance"),
    ("indie", "indie"),
    ("track", "soundtrack"),
    ("phonk", "phonk"),
    ("noise", "noise"),
    ("drone", "drone"),
    ("samba", "samba"),
    ("salsa", "salsa"),
    ("tango", "tango"),
    ("blues", "blues"),
    ("opera", "opera"),
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
    ("rave", "rave"),
    ("doom", "doom"),
    ("chor", "choir"),
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
    ("ton", "reggaeton"), ("ska", "ska"), ("house", "house"), ("dub", "dub"), ("bop", "bebop"),
    ("goth", "goth"),
)  # fmt: skip
