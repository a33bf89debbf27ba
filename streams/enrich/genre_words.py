"""The words that genre names are made of: data only, read by genre.py.

No list of genre names can be complete, so this one holds heads ("rap", "cumbia"); what stands beside
them and what happens where two of them meet is in genre_beside.py and genre_places.py. A phrase that
is a genre of its own whatever its words ("new wave", "trip hop") is a head too. Accents, case,
hyphens, plurals and a final -a for -o do not matter here; genre.py treats both sides alike.
"""

from __future__ import annotations

FAMILIES: tuple[str, ...] = (
    "pop", "rock", "alternative", "metal", "punk", "hip-hop", "rnb-soul", "electronic", "latin-pop",
    "latin-rock", "latin-urban", "regional-mexican", "tropical", "brazilian", "country", "folk", "jazz",
    "blues", "classical", "reggae", "asian-pop", "african", "world", "soundtrack", "religious", "spoken",
)  # fmt: skip
UNKNOWN = "unknown"

# Sorts are finer than families where a border needs it; each ends in a family.
SORT_FAMILY: dict[str, str] = {
    "songwriter": "folk",
    "dance": "electronic",
    "emo": "punk",
    "children": "spoken",
    "instrument": "classical",  # of an orchestra, until a place makes another of it
    "bass": "electronic",
    "flamenco": "world",
    "carol": "spoken",
    "ballad": "pop",
    "traditional": "folk",
    "guitar": "folk",
    "boogie": "rnb-soul",
    "core": "electronic",
    "song": "folk",
    "ensemble": "classical",
    "hardcore": "punk",
    "opera": "classical",  # a Chinese one is `world`
    "fado": "world",  # a Portuguese one stays here, whatever is said of Brazil
    "composed": "classical",  # as is written music of today
    "recital": "classical",  # "indian classical" is `world`, but not a pianist from there
    "jive": "jazz",
}

# Families whose heads other words begin with ("rockism", "dronescape"), and seldom by chance.
ROOTS: frozenset[str] = frozenset(
    ("rock", "metal", "punk", "hip-hop", "rnb-soul", "electronic", "jazz", "blues", "classical", "reggae", "folk",
     "children", "bass")
)  # fmt: skip

# Head phrases by family or sort.
HEADS: dict[str, str] = {
    "pop": """
        pop, idol pop, synthpop, electropop, europop, teen pop, bubblegum, boy band, girl group, easy listening, adult
        contemporary, adult standards, standards, schlager, chanson, shanson, estrada, variete, yeye, ye ye,
        eurovision, iskelma, dansband, dansktop, levenslied, disco polo, canzone, sophisti pop, talent show, brill
        building, neo mellow, lilith, crooner, light music, middle of the road, muzak, elevator music, beautiful
        music, tin pan alley, music hall, twist, barbershop""",
    "rock": """
        rock, pop rock, canterbury, rock and roll, rockabilly, hard rock, aor, surf, british invasion, merseybeat,
        freakbeat, jam band, psychedelia, psychedelic, psych, neo psychedelic, acid rock, krautrock, garage, stoner,
        prog, glam, permanent wave, mellow gold, rock opera, pub rock, beat music, nederbeat, zamrock, zolo, roots
        rock, rocker, zeuhl, palm desert, cosmic american, flower power""",
    "alternative": """
        new wave, no wave, cold wave, dark wave, darkwave, coldwave, ethereal wave, minimal wave, post punk, shoegaze,
        dream pop, jangle pop, noise pop, twee pop, twee, bedroom pop, britpop, grunge, madchester, baggy, paisley
        underground, new romantic, neue deutsche welle, slowcore, sadcore, blackgaze, nu gaze, lo fi indie, lo fi
        rock, c86, dunedin sound, noise rock, college rock, math rock, death rock, deathrock, indietronica, dance
        punk, new rave, dark cabaret, anti folk, hypnagogic pop, slacker rock, batcave, gaze, bubblegrunge, grebo,
        shoegazer""",
    "metal": """
        metal, rap metal, folk metal, glam metal, metalcore, deathcore, grindcore, mathcore, djent, thrash, grind,
        nwobhm, sludge, doom, crossover thrash, melodeath, death n roll, brutal death, nintendocore, neue deutsche
        harte, dsbm, thall, osdm, black n roll""",
    "punk": """
        punk, hardcore punk, post hardcore, pop punk, screamo, skramz, oi, skate punk, easycore, crust, d
        beat, powerviolence, melodic hardcore, psychobilly, horror punk, street punk, beatdown, youth crew, queercore,
        cowpunk, riot grrrl, crossover hardcore, nyhc, straight edge, ramonescore""",
    "hip-hop": """
        hip hop, rap, trap, drill, grime, boom bap, phonk, crunk, gangsta, g funk, hyphy, turntablism, plugg, pluggnb,
        rage rap, cloud rap, horrorcore, bounce, snap, dirty south, miami bass, beatboxing, gangster, chopped and
        screwed, jerk, conscious, backpack, nerdcore, crunkcore, krump, emo rap,
        chicano rap""",
    "rnb-soul": """
        rnb, soul, funk, motown, disco, quiet storm, doo wop, new jack swing, rhythm and blues, p funk, go go,
        trap soul, urban contemporary, minneapolis sound, post disco, black music, slow jam, philly, rare groove,
        stax, beach music""",
    "electronic": """
        electronic, cyberpunk, nortec, electronica, electro, edm, house, techno, trance, drum and bass, jungle,
        dubstep, ambient, downtempo, trip hop, synthwave, vaporwave, chillwave, chill, chillout, chillhop, lo fi, lo
        fi beat, nu disco, italo disco, euro disco, space disco, hyperpop, idm, breakbeat, big beat, breakcore,
        speedcore, hardstyle, gabber, happy hardcore, hardcore techno, uk hardcore, digital hardcore, rave, uk garage,
        speed garage, future garage, 2 step, bassline, hi nrg, eurodance, italo dance, electroclash, ebm, industrial,
        glitch, glitch hop, wonky, footwork, juke, bass music, uk bass, future bass, midtempo bass, riddim bass, witch
        house, dark ambient, drone, new age, synth, minimal, hardwave, future funk, electro swing, electroswing,
        nightcore, moombahton, big room, brostep, complextro, psybient, goa, psytrance, jumpstyle, makina, tekno,
        freetek, hardtek, acid, leftfield, illbient, plunderphonic, musique concrete, noise, chiptune,
        bitpop, 8 bit, electroacoustic, tape music, balearic, beat, uk funky, ballroom, vogue, melbourne bounce,
        nu skool breaks, breaks, liquid funk, neurofunk, sambass, jersey club, baltimore club, deconstructed club, edm
        trap, trap edm, festival trap, hard trap, vinahouse, budots, edits, digicore, wave, aggrotech, dungeon synth,
        frenchcore, bass house, deathstep, j core, slap house, afro tech, darksynth, outrun, seapunk, french touch,
        glitchcore, mashup, hands up, stutter house, organica, folktronica, livetronica, jazztronica, turntable,
        eurobeat, krushclub, freestyle, 2 step garage, schranz, skweee, lento violento, rawstyle, tearout, tech step,
        step, chip music, clicks n cuts, gabba, full on, jtek, freetekno, ghettotech, techtonik, tech, space music,
        isolationist, lowercase, dirty dutch, new beat, ibiza""",
    "dance": "dance, club, dancefloor, dance music, dj",
    "latin-pop": """
        balada, bolero, trova, nueva trova, nueva cancion, cantautor, cancion melodica, latin ballad, nueva ola,
        musica romantica, cancion de autor, cancion, copla, rumba catalana, rumba flamenca, rumba pop, gipsy
        pop, nuevo flamenco, canto nuevo""",
    "latin-rock": """
        rock en espanol, latin alternative, rock nacional, movida madrilena, guacarock, chicano rock, rolinga, rock
        rupestre""",
    "latin-urban": """
        reggaeton, regueton, urbano, dembow, neoperreo, perreo, rkt, turreo, trap latino, cumbiaton, reparto,
        musica urbana, bachaton, latin trap, bolerotrap, mambo chileno, chilean mambo, trapeton, cachengue""",
    "regional-mexican": """
        corrido, corrido tumbado, banda, norteno, mariachi, ranchera, sierreno, grupera, grupero, tejano, tex mex,
        duranguense, regional mexican, regional mexicano, musica mexicana, tumbado, belico, conjunto, tierra caliente,
        huapango, son jarocho, son huasteco, tamborazo, technobanda, quebradita, tribal guarachero, musica regional,
        narcocorrido, calentana, pirekua, chirrine, tololoche""",
    "tropical": """
        tropical, salsa, cumbia, bachata, merengue, son cubano, son montuno, mambo, vallenato, champeta, guaracha,
        musica tropical, timba, cha cha cha, chachacha, rumba, charanga, pachanga, boogaloo, guaguanco, danzon,
        chicha, cuarteto, porro, plena, bomba, soca, calypso, zouk, kompa, compas, guajira, punta, merengue tipico,
        salsa choke, son, porro sabanero, parranda, gaita, currulao, technocumbia, tecnocumbia, tecnomerengue,
        descarga, songo, rapso, chutney, bullerengue, perico ripiao, biguine, gwoka, bouyon, gouyad, mapale, sonidero,
        villera, filin, changui, cadence, latin fusion, jibaro, habanera, contradanza, rara, kadans, konpa, meringue,
        kaiso, cariso, parang, steelband, rake and scrape, junkanoo, tumba, kaseko, gwo ka, zouklove, chouval bwa,
        seis, cumbion, paranda, spouge""",
    "brazilian": """
        mpb, samba, bossa nova, bossa, pagode, sertanejo, forro, funk carioca, baile funk, brega, axe, tropicalia,
        choro, piseiro, arrocha, frevo, maracatu, baiao, xote, tecnobrega, pagodao, agronejo, manguebeat, mangue beat,
        funk ostentacao, funk consciente, funk paulista, funk mandelao, mandelao, funk mtg, funk melody, funk de bh,
        rave funk, funk automotivo, bregafunk, brega funk, batucada, jovem guarda, musica popular brasileira, partido
        alto, velha guarda, lambada, samba enredo, trap funk, fricote, nova mpb, moda de viola, vanerao, carimbo,
        sertaneja, guitarrada, montagem, calango, seresta, pisadinha, chorinho, maxixe, lundu, bumba meu boi,
        tropicalismo, mangue bit, capoeira, ijexa, modinha""",
    "country": """
        country, americana, bluegrass, honky tonk, outlaw country, western swing, red dirt, bakersfield, cowboy,
        newgrass, nashville sound, country and western, hillbilly, western, country rap, countrypolitan, hick hop,
        line dance, jamgrass, trucker, lubbock sound""",
    "folk": """
        folk, acoustic, celtic, freak folk, indie folk, stomp and holler, sea shanty, appalachian, old time, fiddle,
        ceilidh, volksmusik, skiffle, protest, roots, medieval folk, bard, fingerstyle, visor, new weird america,
        troubadour, jig, kleinkunst, neofolk, nu folk, string band, primitive guitar, hornpipe, reel, strathspey, sean
        nos, filk, chumba wamba, jug band, work song, barndance, square dance, contra dance, southern harmony""",
    "songwriter": """
        singer songwriter, songwriter, cantautora, cantautore, cantautorato, liedermacher, cantautori""",
    "jazz": """
        jazz, bebop, bop, hard bop, swing, big band, jazz fusion, acid jazz, nu jazz, dixieland, ragtime, stride,
        manouche, free improvisation, post bop, cool jazz, crossover jazz, bossa jazz, latin jazz, free jazz, boogie
        woogie, torch song, jazz rock fusion, third stream, m base, dance band, dance orchestra, lindy hop, cakewalk,
        scat, jitterbug""",
    "blues": """
        blues, barrelhouse, delta, piedmont, jump blues, harmonica blues, hill country, swamp blues, bluesman,
        hokum""",
    "classical": """
        classical, orchestral, operatic, chamber music, baroque, romantic,
        neo classical, early music, impressionism, serialism, symphony, symphonic, philharmonic, string quartet,
        concerto, sonata, gregorian, lied, oratorio, cantata, expressionism, avant garde, modern
        composition, polyphony, zarzuela, operetta, post minimalism,
        composition, galant, cathedral, conductor, bel canto, classical crossover, compositional ambient, tenor,
        soprano, wind ensemble, marching band, lute, harpsichord, requiem, waltz, ballet, musica clasica, musique
        classique, klassik, klassisch, lieder, art song, plainsong, plainchant, spectralism, ars nova, ars antiqua,
        madrigal, rococo, rhapsody, overture, organum, minuet, gavotte, virelai, villanella, suite, cantiga, canon,
        magnificat, viennese school, aleatoric, incidental music, impressionist, verismo""",
    "reggae": """
        reggae, dub, dancehall, ska, rocksteady, rock steady, ragga, raggamuffin, lovers rock, roots reggae, dub
        poetry, riddim, shatta, two tone, 2 tone, mento, reggae fusion, steppers, nyahbinghi, bashment, bluebeat, blue
        beat, trojan, nyabinghi, jawaiian""",
    "asian-pop": """
        k pop, j pop, c pop, mandopop, cantopop, opm, anime, visual kei, city pop, vocaloid, vocaloid pop, kayokyoku,
        kayo, enka, shibuya kei, j idol, k idol, denpa, indo pop, pinoy, trot, anison, utaite, otaku, idol, hokkien
        pop, xinyao, guofeng, gufeng, anisong, seiyu, seiyuu, nakashi, mandarin, v pop, t pop, p pop, group sound,
        picopop, touhou, cpop, gyaru, shidaiqu, manila sound, ppongtchak, nakasi""",
    "african": """
        afrobeat, afrobeats, amapiano, highlife, afropop, afro pop, gqom, kuduro, soukous, mbalax, juju, kwaito,
        kizomba, semba, morna, funana, bongo flava, singeli, maskandi, azonto, hiplife, afropiano, alte, afro fusion,
        afro swing, afroswing, coupe decale, ndombolo, makossa, mbaqanga, chimurenga, benga, gengetone, shangaan
        electro, zouglou, marrabenta, batida, rumba congolaise, congolese rumba, isicathamiya, bikutsi, apala, fuji
        music, genge, bacardi, wassoulou, tarraxinha, ghetto zouk, afro adura, jit, kapuka, asakaa, street pop,
        private school, 3 step, rumba zairoise, quantum sound, fuji, sakara, mbube, kwela, maskanda, palm wine,
        timbila, sabar, kpanlogo, mapouka, chakacha, kwassa kwassa, cavacha, zulu, batuco, coladeira, batuque, gumbe,
        museve, ziglibithy, kussunde""",
    "flamenco": "flamenco, cante jondo, buleria, sevillana",
    "world": """
        world, world music, world fusion, worldbeat, ethnic fusion, klezmer, bollywood, filmi, kollywood,
        tollywood, bhangra, ghazal, carnatic, hindustani, raga, rai, gnawa, chaabi, mizrahi, laiko, laika,
        entehno, entechno, rebetiko, turbo folk, turbofolk, manele, sevdah, tallava, huayno, tango, milonga,
        candombe, folklore, folclor, folclore, chacarera, zamba, chamame, joropo, llanera, musica criolla, vals
        criollo, criollo, marinera, pasillo, bambuco, sanjuanito, gamelan, dangdut, campursari, luk thung, mor
        lam, throat singing, mugham, polka, musette, cajun, zydeco, yodel, arabesk, khaleeji, dabke, sanat, turku,
        ukulele, steel pan, exotica, yodeling, gipsy, gypsy, kolo, chalga, tarantella, canzone napoletana,
        neapolitan, musica andina, saharan, koto, shamisen, gagaku, kundiman, desi, musica tradicional,
        traditional music, didgeridoo, tuvan, kroncong, murga, cueca, tonada, carnavalito, saya, joik, sitar,
        koplo, oud, sevdalinka, csardas, verbunkos, cigany, doina, hora, kolomyjka, mazurka, polonaise, krakowiak,
        jenkka, letkajenkka, humppa, halling, hambo, gammeldans, kveding, rimur, daina, chastushki, trikitixa,
        jota, fandango, farruca, malaguena, tiento, siguiriya, cretan, zeibekiko, rembetiko, nisiotika,
        hasaposerviko, muwashshah, malhun, maluf, gharnati, mezwed, taarab, qasidah, dabka, meykhana, mugam,
        ashiq, khoomei, xoomii, sygyt, kargyraa, long song, katajjaq, powwow, pow wow, peyote song, hula, hapa
        haole, kecak, kebyar, degung, jaipongan, tembang, kulintang, pansori, sanjo, sinawi, nagauta, min yo,
        ondo, honkyoku, kabuki, guoyue, beiguan, shan ge, ca tru, cheo, cai luong, quan ho, luk grung, piphat,
        khene, dhrupad, khyal, thumri, tarana, thillana, kriti, baul, bihu, gaana, baila, marabi, sega, maloya,
        salegy, icaro, tinku, jarana, mejorana, fulia, zajal, harepa, tamburitza, trallalero, cantique, gaita
        gallega, pimba""",
    "soundtrack": """
        soundtrack, score, musical, show tune, showtune, video game, game music, vgm, ost, broadway, west end,
        hollywood, movie tune, film music, theme, disney, epicore, trailer music, cinematic, epic music,
        cabaret, library music, production music, television, tv, movie, film, video game music, scorecore, game""",
    "religious": """
        gospel, worship, praise, devotional, qawwali, ccm, hymn, christian, cristiano, catholic, bhajan, kirtan,
        mantra, nasheed, islamic, sufi, alabanza, adoracion, louvor, liturgical, spiritual, jesus, church, qaseeda,
        naat, anasheed, musica cristiana, catolico, orthodox chant, byzantine chant, deen, sacred, pentecostal,
        corito, rosary, lds, mormon, quran, jewish liturgical, cristiana urbana, christelijk, evangelico, shabad,
        shape note, piyyutim, shomyo, medh""",
    "spoken": """
        comedy, spoken word, spoken, audiobook, audiolibro, livre audio, horbuch, asmr, sleep, nature sound,
        nature, white noise, brown noise, pink noise, rain, rain sound, meditation, lullaby, stand up, comic,
        poetry, poesia, parody, podcast, radio play, horspiel, speech, relaxation, relaxative, sound effect,
        binaural, healing, yoga, spa, field recording, environmental, story, storytelling, motivation, hypnosis,
        lesson, novelty, cartoon, sleep sound, guided, hoerspiel, audio drama, water, ocean, prank, interview,
        binaural beat, ocean wave, whale, bird, birdsong, thunder, forest, cuento, bedtime, fairy tale, radio
        drama, dementia, vaudeville, minstrel""",
    "children": """
        children, childrens music, kid, kindie, infantil, kindermusik, nursery, musica infantil, kinderlied, toddler,
        barnemusikk, preschool, baby, enfant, nino, crianca, bambino, barn, barnsang, bebe""",
    "emo": "emo, emo rock, emo pop, midwest emo",
    **{word: word for word in ("bass", "boogie", "core", "fado", "hardcore", "jive", "opera")},
    "composed": """
        contemporary classical, modern classical, neoclassical, minimalism, romanticism, 20th century, choral""",
    "recital": """
        classical piano, classical guitar, classical performance, classical violin, classical cello, classical
        flute""",
    "carol": "christmas, holiday, xmas, navidad, villancico, navideno, halloween, noel, weihnachten, carol",
}

# Heads of last resort: they speak only where no other head does.
WEAK: dict[str, str] = {
    "classical": """
        piano, cello, consort, cornet, corneta, bugle, police, army, navy, organ, string, viola, double bass,
        ensemble, orchestra, choir, quartet, quintet, medieval, renaissance""",
    "instrument": "violin, harp, flute, clarinet, brass",
    "folk": "banjo, mandolin, accordion, bagpipe",
    "jazz": "saxophone, sax, trumpet, trombone, vibraphone, fusion",
    "electronic": "lounge, remix, mix, experimental",
    "pop": "vocal, a cappella, acappella, viral, oldies, tiktok, hits, love song, mainstream",
    "hip-hop": "mc, urban",
    "world": """
        percussion, drumming, duduk, rubab, guzheng, erhu, pipa, sarod, tabla, santoor, bouzouki, zurna, qanun, saz,
        baglama, darbuka, djembe, panpipe, quena, shakuhachi, taiko, balalaika, bandoneon""",
    "african": "kora, mbira, balafon, ngoni, kalimba",
    "religious": "chant, mass",
    "spoken": "drama, tale, reading",
    "ballad": "ballad",
    "soundtrack": "epic",
}
