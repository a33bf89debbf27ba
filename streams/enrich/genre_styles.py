"""Dances, songs and other styles that go by a name of their own: data only.

Nothing in such a word tells what it is ("guabina", "extratone"), so that it has to be listed; it speaks where
no other head of a name does. Read by genre_lexicon.py, as genre_words.py is.
"""

from __future__ import annotations

STYLES: dict[str, str] = {
    "world": """
        abhang, adufe, ahidous, ahwash, akyn, albazo, alborada, alevi, an dro, ardha, ataaba, attan, baguala, bakshi,
        baksy, baladi, ballo liscio, bandari, bandish, batuta, becarac, bhatiali, bhavgeet, bhawaiya, biwa hoshi,
        boeremusiek, boliyan, bylina, cantonese opera, cerkes, chaiti, chastushka, chhau, chopi, chotis, cielito,
        ciganydal, cimbal, copla andaluza, corridinho, csango, cueca chilota, czardas, dadra, dandiya, dastan,
        dastgah, dekhnni, dengbej, desgarrada, deuda, deyis, diablada, dimotika, dohori, estudiantina, fasil, fest
        noz, festejo, gaita margarita, galeron, gambus, gammaldans, garba, gavotte bretonne, gidayu, giddha, guabina,
        guedra, gugak, gypsy romance, halparke, harawi, harikatha, hauta, hawzi, hira gasy, hua er, huangmei,
        huaylas, hutsul, invartita, izlan, jarchas, javali, jeongak, jhumur, jiangnan sizhu, jiuta, joruri, jyrau,
        kajri, kantu, karsilama, kavadi, kesergo, kleftiko, kobyz, kolomyika, kopanica, kouta, kujawiak, kullawada,
        kulning, kunqu, kvad, landay, lando, lautareasca, lautari, lavni, leelo, liscio, longa, mahur, malhao,
        malhoun, maqam, matsuri, mawwal, mazur, mehter, melhoun, mijwiz, milonga campera, minyo, minyo korea, moutya,
        muliza, muqam, nanguan, nanyin, naturjodel, nazrul geeti, neofolklore, ngam tho, nongak, nuba, nubah, oberek,
        oberkrainer, odissi, odzemok, ojkanje, olonkho, oppari, paghjella, pajdusko, pakacaping, pasacalle,
        pasodoble, payada, peking opera, pentozali, pericon, polca criolla, pungmul, purisima, qudud, quyi, rabiz,
        rachenitsa, radif, ragam, rapai, raqs, refalosa, regilaul, reinlender, rigodon, rizitika, rokyoku, rondalla,
        runosong, saeta, sajuriana, saluang, samulnori, sanaa, sarba, saz semai, sega tambour, seguidilla,
        sevdalinke, shashmaqam, shima uta, sijo, sikuri, skiladika, slattmusikk, sokyoku, sopana, springar, stambali,
        stornello, strambotto, sufiana, sutartine, talempong, tango flamenco, tanjidor, taqsim, tarawangsa,
        tarqueada, tasnif, thanjavur, tidinit, tondero, torbellino, troista, tsamiko, tsifteteli, tsugaru, tunantada,
        tuuli, tvisongur, upopo, urtyn duu, uzun hava, verbunk, vidala, villotta, villu pattu, wasla, xintianyou,
        yaravi, yueju, yumbo, zaffa, zambra, zarabanda, zeybek, zhyr, zikri, zonaradiko""",
    "african": """
        adowa, agbadza, agbaya, agidigbo, ahouhou, ajisari, ambasse bey, assiko, assouf, bajourou, barcadi, basesa,
        bend skin, borborbor, bubblegum africa, burger highlife, dandiko, dansi, decale, didadi, egedege, gahu,
        goombay, goumbe, hoddu, ikwokirikwo, imzad, ishumar, isukuti, jerusarema, jijy, kalindula, katekwe, kazukuta,
        kidumbak, kilalaky, kilapanga, kontigi, kwaai, lekompo, lipala, logobi, mandingo, mangambeu, manganje,
        maringa, massengo, mbakumba, motswako, mutuashi, muziki wa dansi, nyatiti, odonso, owambe, palmwine,
        pantsula, passada, phatha phatha, polihet, rebita, ritsa, scathamiya, sgija, sotho traditional, takamba,
        tarraxa, tassou, tassu, tchaman, tchink, tchinkoume, tishoumaren, tradi moderne, tsaba tsaba, tsapika, tsonga
        disco, tufo, ukwuani, unyago, vimbuza, wango, watcha watcha, wolosso, xigaza, zambian kalindula, zebola,
        zenkou, ziglibiti, zinli""",
    "tropical": """
        aguabajo, aguinaldo jibaro, aleke, atabales, bachatango, batanga, bele, benna, bigin, bomba puertorriquena,
        brukdown, bugalu, cadence lypso, chande, chicha peruana, chouval, chutney music, comparsa, cumbia amazonica,
        cumbia andina, cumbia lagunera, cumbia rebajada, dennery, extempo, guaracha cubana, gwoka moderne, huayno
        cumbia, jing ping, kawina, kiriba, lewoz, mangulina, mapeye, mazouk, merengue vallenato, meringe, mizik
        rasin, nengon, onda nueva, pichakaree, pri pri, punto cubano, quadrille, quelbe, raboday, ragga soca, rake n
        scrape, rumba columbia, rumbero, salsa dura, sarandunga, seis chorreao, soca parang, son nica, tamborera, ti
        bwa, timbaton, tipico panameno, troubadou, tumba francesa, tumbele, yambu, zouk chiré""",
    "brazilian": """
        afoxe, arrasta pe, arrochadeira, batidao, boi bumba, brazilian phonk, brega paraense, bregadeira, bugio,
        cacuria, cantoria, catira, cavalo marinho, ciranda, clube da esquina, congada, cururu, eletro melody,
        embolada, feminejo, forro universitario, frevo cancao, funk rave, funknejo, jongo, lira paulistana, marcha
        rancho, marchinha, marujada, milonga gaucha, pagode baiano, pagonejo, phonk brasileiro, polca brasileira,
        rasqueado, rasteirinha, ritmada, samba cancao, samba choro, samba de breque, samba de roda, samba funk,
        sofrencia, swingueira, tambor de crioula, tamborzao, technobrega, trapnejo, tropicanibalismo, udigrudi,
        vaneira, xaxado""",
    "regional-mexican": """
        arpa grande, bandas de viento, bolero ranchero, campirano, cancion ranchera, chotis norteno, corridos
        progresivos, corridos verdes, grupero romantico, huapanguero, jaripeo, marimba chiapaneca, movimiento
        alterado, norteno banda, norteno clasico, onda grupera, orquesta tejana, redova, son de tarima, tejano
        conjunto, tropicumbia grupera, tumbados romanticos""",
    "electronic": """
        algorave, bleep, bubbling, chipbreak, crossbreed, dreampunk, eai, eski, extratone, fakebit, fidget, freeform,
        futurepop, hakken, handbag, hard drum, harsh, hellektro, hnw, kosmische, martial, microfunk, nu nrg, onkyo,
        pc music, purple sound, rawphoric, rollers, sampledelia, scouse, sublow, twerk""",
    "folk": """
        drum corps, fife, orain, scrumpy, seinn nan salm, slangpolska, trouvere""",
    "soundtrack": """
        kamen rider""",
    "spoken": """
        kodan, manzai, masal, masallari, rakugo""",
    "metal": """
        shred""",
    "hip-hop": """
        plug, ratchet, tread""",
    "punk": """
        nardcore, slimepunk""",
    "reggae": """
        seggae""",
    "classical": """
        aria, canticle, canzona, chaconne, kapelle, madrigale, opera buffa, opera seria, passacaglia, ricercar,
        singspiel, sonorism, totalism""",
    "asian-pop": """
        kei""",
    "rnb-soul": """
        popcorn""",
}
