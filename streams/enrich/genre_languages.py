"""What music is called in other languages, and which instruments it is played on: data only.

A dozen notions (music, children, Christmas, faith, film, tradition, ...) make names in every language
that there is: "barnmusik", "lagu anak", "svensk lovsang". Read by genre_lexicon.py beside
genre_words.py, whose rules for spelling hold here too.
"""

from __future__ import annotations

# "music" and "songs": a name of nothing else but these and unknown words is music of some region.
SONGS = """
    music, musique, musik, musikk, muziek, muzica, muzika, muzyka, muusika, musiikki, musiikkia, tonlist, hudba,
    zene, zenei, musicas, muzik, glazba, ongaku, eumak, yinyue, gequ, nhac, phleng, lagu, sarki, sarkilar,
    sarkilari, pesni, pesnya, pesnichki, pisni, pisnicky, pisnicka, pesnicky, piosenki, piosenka, piesni, pjesme,
    pesme, dalok, dalai, dainos, dziesmas, laulud, laulut, laulu, sange, sangen, sanger, viser, visa, lieder, lied,
    liedjes, liedje, liedjies, tragoudia, tragoudi, kenge, cantece, canti, canto, cants, cancoes, cancons, kantak,
    chansons, shirim, aghani"""

# Said of any kind of music, or of none.
NOTHING = """
    neo, neue, neuer, nuevo, nuovo, nya, novo, post, proto, retro, revival, classic, vintage, modern,
    contemporary, old school, new school, deep, true, old, early, late, underground, traditional style, style, scene,
    sound, popular, popolare, populaire, contemporaneo, micro, macro, instrumental, mega, ultra, hyper, meta,
    trans, new wave of"""

# In a word that is in no list, these make it one of SONGS ("boeremusiek", "muzikleri").
SONG_ROOTS = ("musik", "musiek", "muziek", "muzik", "muzyk", "musiqu")

# Short starts of words that are made of two.
STARTS = ("psy", "neo", "nu", "lo", "afro", "euro", "tek", "jit", "emo", "goa", "dub", "ska", "rap", "pop", "edm", "oi")

# Words that do not name a kind of music but change the one that they stand beside.
TINTS: dict[str, str] = {
    "indie": """
        alternatif, alternativ, alternativni, alternatywny, independant, independente, indipendente""",
    "christian": """
        christlich, christliche, christlicher, chretien, chretienne, cristiana, crista, crestin, crestina, krestanska,
        kristen, kristne, kristna, kristillinen, chrzescijanska, hristianska, hristiyan, kereszteny, krikscionisko,
        kristeligt, adventist, adventista, evangelique, evangelisch, cattolica, catolica, biserica, bisericeasca,
        bisericesc, reformada, apostolic, apostolica, baptist, methodist, anglican, lutheran, presbyterian""",
}

HEADS: dict[str, str] = {
    "children": """
        kinder, kind, kinderen, kinderchor, kinderlieder, enfants, jeunesse, ninos, infantis, infantiles, bambini,
        barn, barna, borne, barne, lasten, lapsi, lapset, lapsille, laste, dzieci, dzieciece, dzieciecy, detske,
        detskie, detski, detska, detsky, djecje, decje, gyerek, copii, cocuk, cocuklar, paidika, yeladim, kodomo, anak
        anak, anak, thieu nhi, atfal, tamariki, bernu, vaiku, vaikiskos, comptine, berceuse, ninna nanna, wiegenlied,
        kolysanki,
        cancion de cuna, nursery rhyme, chinder, chinderlieder, dessin anime, dessins animes, kids""",
    "spoken": """
        military cadence, fiaba, favola, marchen, skazki, pohadky, bajki, bajka, eventyr, sagor,
        historier, rasskazy, hangoskonyv, hangoskonyvek, aanikirja, luisterboek, lydbok, ljudbok, lydbog, audiolivre,
        audiobok, mluvene slovo, slowo mowione, literature, literatura, lecture, lesung, lesen, language, learning,
        oratory, histoire, cuentos, contes, kabarett, kabare, comedia, comedie, comedienne, komedi, komedie, humor,
        humour, humorista, satire, sketch, monologue, poezie, poezja, poesie, poeme, poemas, poems, dichtung, lyrik,
        wrestling, football, fussball, soccer, sports, ringtone, sound team, backing track, karaoke, birthday, anthem,
        brain wave, brainwave, solfeggio, reiki, chakra, mindfulness, massage, therapy, pilates, calming, singing
        bowl, shush, focus, study, hz, 432hz, 528hz, 8d, crickets, wind sounds, train sounds, soundscape,
        sesame street, circus, kinderhoerspiel, hoerbuch, hoerbuecher, radio show, sermons, documentary""",
    "carol": """
        weihnachtslied, julmusik, jul, jule, julesange, joulu, joululaulut, kerst, kerstmis, kerstliedjes, natale,
        natal, nadal, karacsony, koledy, koleda, kolyadki, vanoce, vanocni, colinde, craciun, rozhdestvo, villancicos,
        aguinaldo, hanukkah, chanukah, diwali, easter, advent, santa, kwanzaa, new year""",
    "religious": """
        adoracao, lobpreis, lovsang, lovsanger, uwielbienie, louange, lode, ylistys, hillsong, psalm, psalmen, psaume,
        salmos, salmo, hino, himno, hymne, cantici, ilahi, ilahiler, sholawat, salawat, nasyid, nashid, zikir, dhikr,
        nohay, noha, marsiya, mezmur, umbanda, candomble, santeria, orisha, liturgy, liturgie, liturgia, convent,
        bible, bahai, buddhist, buddhism, hindu, krishna, shiva, bhakti, aarti, puja, stotra, stotram, sloka, vedic,
        gurbani, torah, shabbat, judaica, cantor, cantorial, chazzan, hazzan, nigunim, nigun, hasidic, chassidic,
        byzantine, orthodox, kirchenlied, kerkmuziek, hengellinen, hengelliset, hengelliset laulut, vbs, sunday
        school, prayer, prayers, quranic, azan, hamd, messianic, vodou, spiritist, espirita, salvation army, monk,
        monastic, taize, koligeet, bhavageete""",
    "soundtrack": """
        banda sonora, bande originale, bande son, colonna sonora, trilha sonora, filmmusik, filmmusikk, filmhudba,
        musica de cine, musique de film, film muzigi, elokuvamusiikki, nintendo, pokemon, minecraft, final
        fantasy, zelda, playstation, arcade, rpg, peplum, comedie musicale, teatro musical, musical teatro,
        musiktheater, musikal, muzikal, theatre, trailer, teleplay, telenovela, soap opera, sitcom, cinema, mollywood,
        c64""",
    "asian-pop": """
        shojo, shonen, seinen, aikatsu, love live, macross, gundam, precure, otome, bemani, doujin, sentai, tokusatsu,
        kawaii, idolmaster, honeyworks, hypnosis mic, v tuber, vtuber, molam, luk krung, phleng phuea chiwit, oshare
        kei, angura kei, ryukoka, zhongguo feng, nhac tre, nhac vang, bolero viet, pinpeat, romvong""",
    "world": """
        narodna, narodni, narodne, narodnaya, narodowa, ludowa, ludowy, lidova, lidovky, populara, halk, halk
        muzigi, turkuleri, turkusu, etno, ethnic, etnica, etnico, ethno, starogradska, starogradske, tamburica,
        lezginka, hopak, horo, kolomiyka, syrtos, sirtaki, hasapiko, halay, horon, bozlak, oyun havasi, shaabi,
        sardana, jotas, muineira, pizzica, tammurriata, saltarello, bourree, landler, schottische, polska,
        trikiti, yoik, klapa, cante alentejano, canto a tenore, canti alpini, marimba, griot, himene, kapa haka,
        waiata, haka, mele, rapa nui, goralski, mulatos, magyar nota, nota, lok dohori, lok geet, mand, lavani,
        powada, yakshagana, burrakatha, kathak, sandalwood, lollywood, dhallywood, pollywood, neotango, tango
        nuevo, orquesta tipica, sefardi, ladino, tuna, tuna estudiantil, keroncong, shamanic, batak, tamang,
        fijiri, sawt, samri, tarab, aita, reggada, kanun, baithak gana, tassa, kaneka, bambuco, sanjuanes,
        taquirari, caporales, tobas, morenada, rasguido doble, malambo, gato, chaya, polca, gauchesca, guarania,
        purahei, gwerz, kan ha diskan, volkstumlich, alpine, zillertal, stubenmusik, tanzlmusi, guggenmusik,
        schrammelmusik, oktoberfest""",
    "folk": """
        viser, visesang, folkmusik, folkemusik, folkemusikk, kansanmusiikki, rahvamuusika, nepzene, tanchaz,
        poezja spiewana, bardcore, szanty, shanty, shantykoren, pibroch, piobaireachd, waulking, morris dance,
        clogging, minnesang, hootenanny, sung poetry, coffeehouse, revivalist, hobo, campfire, stomp, trad, auteur
        compositeur interprete, mundart""",
    "pop": """
        popmusik, muzica usoara, usoara, estradnaya, estradowa, slagr, slager, schlagers, talent, musica de fondo,
        partyschlager, volkstumliche schlager, neomelodici, neomelodico, danseband, tanzmusik, melodifestivalen,
        grand prix, junior songfestival, supergroup, zabavna, swoon, background music, karneval, carnaval, apres
        ski, hjemmesnekk, russelater""",
    "classical": """
        glee, glee club, trecento, quattrocento, barock, musica antigua, pops orchestra, ars subtilior, galante,
        atonal, microtonal, dodecaphonic, twelve tone, serial, acousmatic, symphonic poem, tone poem, music drama,
        wandelweiser, fluxus, fluxwork, stochastic, modernism, neoclassicism, franco flemish, venetian school,
        mannheim school, sturm und drang, biedermeier, streichquartett, quatuor a cordes, quartetto darchi,
        kvartet, concert band, military band, wind band, wind quintet, brass quintet, blaskapelle, harmonie
        orkest, musikkorps, chorale, motet, partita, fugue, prelude, etude, nocturne, toccata, divertimento,
        serenade, art music, musique ancienne, musica antiqua, musica antiga, musica sinfonica, sinfonico,
        symphonique, sinfonietta, coloratura, countertenor, mezzo soprano, baritone, castrato, passion, stabat
        mater, te deum, vespers, salon music, tafelmusik, historically informed, period instrument, marche""",
    "brazilian": """
        150 bpm, viola caipira, samba reggae, bloco, sambalanco, fanfarra, vaqueiro, vaquejada, bandinhas, sambass""",
    "tropical": """
        pambiche, tipico, tipica, palo de mayo, rasin, twoubadou, ritmo kombina, pilon, mozambique, songo, danzonete,
        punto guajiro, tamborito, pindin, bunde, abozao, dennery segment, trinibad""",
    "regional-mexican": "pirecua, tecnobanda, jarabe, valona",
    "african": """
        sungura, manding, mapantsula, sebene, afrofuturism, bolobedu, tsapiky, balani, coupe, zoblazo, gnawa fusion,
        lingala, rhumba, ogene, ekombi, bolingo, dombolo, mchiriku, chaabi africain, ethio, eskista, tizita, mande,
        kadongo kamu, mugithi, ohangla, omutibo""",
    "hip-hop": "scratch, scratching, bboy, popping, chopper, freestyle rap, cypher, swag, dj battle",
    "electronic": """
        moombah, psy, darkpsy, psybient, psychill, psytech, psybreaks, vapor, mallsoft, vapor twitch, slowed and
        reverb, sped up, jump up, liquid, tekk, discofox, demoscene, sound collage, sound art, braindance,
        isolationism, berlin school, neo kyma, hard bass, bass house, breaks, elektro, elektronische, eletronica,
        elektronik, elektronska, elektroniczna, elektronisk, tecno, electronique, elettronica, clubbing, suomisaundi,
        nitzhonot, japanoise, clubmusik, circuit, ukg, modular, moog, synthesizer, theremin, tape loop, glitchwave,
        drift, soundart, hardcore breaks, power electronics, noisecore, terror, gabba""",
    "punk": """
        hatecore, violence, emocore, uk82, orgcore, swancore, screamocore, oldcore, ponk, psychokore, bandana,
        wrock""",
    "metal": "usbm, necro, goregrind, slam, unblack, todeskunst",
    "rock": """
        psicodelia, mod, rautalanka, kraut, progg, tribute, cover band, jam, boogie rock, nwocr, beatlesque,
        glitter""",
    "alternative": "elephant 6, hamburger schule, shoegazing, anorak, medway sound",
    "rnb-soul": "new jack, souldies",
    "country": "old west, redneck, rodeo, trucking",
    "jazz": "second line, manouche swing, hot club, street band, trad jazz, jazz band",
}

# Instruments, and the last resort: they speak only where no other head does.
WEAK: dict[str, str] = {
    "classical": """
        klasik, klassieke, klassische, klasyczna, klasicna, klasika, klasszikus, klassinen, clasico, classique,
        classico, orchestre, orkest, orchester, orkester, orkiestra, orkestr, coro, coral, chor, choeur,
        kor, chorus, zbor, kuoro, oboe, bassoon, tuba, horn, contrabass, recorder, euphonium, theorbo, viol,
        carillon, bells, handbells, clavichord, timpani, mallet, keyboard, pianissimo, quatuor, septet, octet,
        baritone, era, school, violao classico, blasmusik, draaiorgel, orgel, pianoforte, klavier, violon, violoncelle,
        geige""",
    "guitar": """
        guitarra, guitare, gitarre, chitarra, violao, kitara, gitar, guitar, fingerpicking, lap steel, twelve
        string""",
    "spoken": "insect, frog, animal, kundalini, zen, storm, fireplace, ambience, educational, jingle",
    "folk": """
        dulcimer, autoharp, concertina, accordeon, acordeon, fisarmonica, dragspel, trekkspill, harmonikka,
        organetto, hurdy gurdy, uilleann pipes, pipes, smallpipe, bush, tin whistle, bodhran, jaw harp,
        nyckelharpa, hardingfele, hardanger, kantele, kannel, kokle, zither, cittern, primitive, pagan, pirate, tavern,
        fisher, sailor""",
    "alternative": "math",
    "blues": "harmonica, washboard, slide, bottleneck",
    "jazz": "vibes, hammond, hammond organ, trompete, drummer",
    "rock": "progressivo, progressive, progresivo, progressif, heavy, hard, electric, invasion",
    "rnb-soul": "groove, smooth",
    "metal": "death",
    "hip-hop": "hop",
    "brazilian": "baile",
    "tropical": "sonora",
    "electronic": "uplifting, atmosphere, club mix, beats, weightless",
    "world": """
        alphorn, cimbalom, gaida, gajda, kaval, tulum, davul, dombra, dutar, komuz, santur, tar, setar, ney,
        kemenche, gayageum, geomungo, haegeum, dizi, xiao, suona, guqin, yangqin, ruan, biwa, veena, vina,
        sarangi, shehnai, nadaswaram, mridangam, bansuri, esraj, harmonium, tanpura, charango, zampogna,
        launeddas, bandura, domra, gusli, hang, hangpan, handpan, berimbau, sanfona, bandolim, belly dance, arpa,
        cuatro, tiple, bandola, requinto, cifteli, lahuta, tambura, kobza, trembita, lyra, laouto, dhol, dholak,
        morin khuur, sheng, konghou, kokyu, angklung, kolintang, ranat, dan tranh, dan bau, tribal, tribe,
        folkloric, folklorico, folklorique, folklor, regional, ethnomusicology, drum circle""",
    "ensemble": "orquesta, trio",
    "song": "song",
    "traditional": """
        traditional, tradicional, traditionnel, traditionnelle, tradisional, tradizionale, traditionell""",
    "african": "talking drum, valiha, krar, begena, masenqo, akonting, gyil",
    "religious": "chanting, chants, gregorianik, meditative",
}
